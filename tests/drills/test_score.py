"""``kill -9`` of a scoring job, of its workers and of Ray's raylet, at random moments.

The moments are drawn from a seed, which is printed; ``BLEMISH_DRILL_SEED`` sets another one.
"""

import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from integration.scoring_jobs import result_bytes, run_job, start_command, write_images, write_model

pytestmark = [pytest.mark.drill, pytest.mark.timeout(3600)]

SEED = int(os.environ.get("BLEMISH_DRILL_SEED", "2026"))
KILLS = 10
IMAGES = 600


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images, a model, and an uninterrupted job over them."""
    folder = tmp_path_factory.mktemp("score")
    write_images(folder / "in", IMAGES)
    write_model(folder / "model.onnx", turns=4)
    run_job(folder / "in", folder / "whole", folder / "model.onnx", workers=2)
    return folder


def descendants(pid: int, name: bytes) -> list[int]:
    """Return the processes below one whose command line holds a name."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # it ended meanwhile
            for child in map(int, path.read_text().split()):
                if name in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(child)
                found += descendants(child, name)
    return found


def end_session(leader: int) -> None:
    """End what a killed job left: Ray's own processes notice the end of their driver late."""
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.getsid(int(path.name)) == leader:
                os.kill(int(path.name), signal.SIGKILL)


def kill_at_random(process: subprocess.Popen[str], name: bytes, rng: random.Random) -> bool:
    """Kill the job, or one process below it, after up to ten seconds; say whether it was alive."""
    time.sleep(rng.uniform(0.5, 10.0))
    if process.poll() is not None:
        return False
    targets = descendants(process.pid, name) if name else [process.pid]
    if not targets:
        return False
    os.kill(rng.choice(targets), signal.SIGKILL)
    return True


@pytest.mark.parametrize(
    ("engine", "victim"),
    [("local", b""), ("local", b"spawn_main"), ("ray", b""), ("ray", b"raylet/raylet")],
)
def test_kills_at_random_moments(world: Path, tmp_path: Path, engine: str, victim: bytes) -> None:
    """After ten kills and the same command again the output is that of an uninterrupted run."""
    rng = random.Random(SEED)  # noqa: S311 - a drill is to be repeatable
    model, source, out = world / "model.onnx", world / "in", tmp_path / "out"
    arguments = (source, "--out", out, "--model", model, "--engine", engine)
    hits = 0
    for _ in range(KILLS):
        process = start_command(*arguments)
        hits += kill_at_random(process, victim, rng)
        if not victim or engine == "ray":
            # A driver without its raylet ends by itself; what is left of it is ended here.
            time.sleep(1.0)
            end_session(process.pid)
        process.communicate(timeout=600)
    summary = run_job(source, out, model, workers=2)
    print(f"seed {SEED}: {hits} kills of {engine} {victim.decode() or 'job'}")
    assert summary["images"] == IMAGES
    assert result_bytes(out) == result_bytes(world / "whole")
    assert len(list((out / "images").iterdir())) == len(list((out / "timings").iterdir()))
