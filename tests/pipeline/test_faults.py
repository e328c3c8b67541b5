"""What a mistake in the params and a ``kill -9`` leave behind."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pipeline.checkouts import Checkout, clean_environment


@pytest.mark.parametrize(
    ("block", "values", "sentence"),
    [
        ("generate", {"imagse": 3}, "generate.imagse: unknown key; accepted here:"),
        ("generate", {"clean_share": 1.5}, "generate.clean_share: got 1.5;"),
        ("train", {"epochs": 0}, "train.epochs: got 0;"),
    ],
)
def test_mistake_in_params_fails_at_once(
    checkout: Checkout, block: str, values: dict, sentence: str
) -> None:
    """The first stage names the key, the value and what is accepted, and writes nothing."""
    checkout.edit_params(**{block: values})
    output = checkout.run("dvc", "repro", check=False)
    assert output.status != 0
    assert sentence in output.text
    assert not (checkout.root / "data" / "synthetic").exists()


def test_killed_repro_leaves_no_orphan_and_resumes(reproduced: Checkout, tmp_path: Path) -> None:
    """After kill -9 of dvc in training no process is left, and the rerun gives the same lock."""
    tree = Checkout(tmp_path / "tree")
    reproduced.git("clone", "-q", ".", str(tree.root))
    (tree.root / ".venv").symlink_to(reproduced.root / ".venv")
    expected = tree.lock()
    (tree.root / "dvc.lock").unlink()
    dvc = str(tree.root / ".venv" / "bin" / "dvc")
    log = tmp_path / "repro.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [dvc, "repro", "--no-run-cache"],
            cwd=tree.root,
            env=clean_environment(),
            stdout=stream,
            stderr=stream,
        )
        wait_for(lambda: stage_processes(tree.root, "train"), 180, log)
        time.sleep(2.0)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    wait_for(lambda: not stage_processes(tree.root), 30, log)  # it may still be importing
    tree.run("dvc", "repro", "--no-run-cache")
    assert tree.lock() == expected


def stage_processes(root: Path, stage: str = "") -> list[str]:
    """Every process that runs a stage script of a checkout."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"{root}/stages/{stage}" in words:
            found.append(words)
    return found


def wait_for(condition: Callable[[], object], seconds: float, log: Path) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
