"""The doctor: each kind of damage is named, with a command that fixes it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from integration.tiny_checkout import make_checkout, write_lock

from blemish.config import Workspace
from blemish.doctor import CHECKS, Finding, examine
from blemish.files import sha256_bytes
from blemish.recording import sync
from blemish.recording.pipeline_outputs import final_weights
from blemish.registry import ModelCache, Registry
from blemish.store.names import MODEL

DVC = Path(sys.executable).with_name("dvc")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("BLEMISH_CACHE", str(tmp_path / "cache"))
    return make_checkout(tmp_path / "checkout")


def findings(workspace: Workspace, check: str) -> tuple[Finding, ...]:
    (result,) = examine(workspace, [check])
    return result.findings


def test_a_sound_checkout_has_nothing_wrong(workspace: Workspace) -> None:
    """With outputs as locked and recorded, no check finds anything."""
    sync.record_workspace(workspace)
    results = examine(workspace)
    assert [result.check for result in results] == list(CHECKS)
    assert {result.status for result in results} == {"ok"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "schema: '2.0'\nstages:\n  generate:\n    cmd: sh\n    outs:\n    - pa",
        "schema: '2.0'\nstages:\n  generate:\n    cmd: sh\n    params:\n      params.yaml:\n        generate.seed: 1\n",  # noqa: E501 - as DVC writes it
        "schema: '2.0'\nstages:\n  unknown:\n    cmd: s",
        "\x00\x00",
    ],
)
def test_a_corrupt_lock_is_named_and_stops_repro(workspace: Workspace, text: str) -> None:
    """A lock that DVC left half-written is found by the quick check, exit status 1."""
    (workspace.root / "dvc.lock").write_text(text)
    (found,) = findings(workspace, "dvc.lock")
    assert "dvc.lock" in found.problem
    assert "git checkout -- dvc.lock" in found.fix
    assert findings(workspace, "outputs") == ()
    program = [sys.executable, "-m", "blemish", "doctor", "--lock"]
    done = subprocess.run(program, cwd=workspace.root, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "make repro" in done.stdout


def test_one_bit_in_an_output_is_found(workspace: Workspace) -> None:
    """A flipped bit that keeps size and time is found, with what to remove and run."""
    path = workspace.path("exported") / "model.fp32.onnx"
    before, data = path.stat(), path.read_bytes()
    path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    (found,) = findings(workspace, "outputs")
    assert "models/exported differs from dvc.lock" in found.problem
    assert found.fix == "rm -rf models/exported && make repro"


def test_a_missing_output_is_found(workspace: Workspace) -> None:
    """An output that is locked and not there is named."""
    (workspace.path("reports") / "metrics.json").unlink()
    (found,) = findings(workspace, "outputs")
    assert "reports/metrics.json is in dvc.lock and not on disk" in found.problem


def test_a_bad_param_is_found(workspace: Workspace) -> None:
    """An unknown key is named as the stages name it."""
    params = yaml.safe_load(workspace.params_file.read_text())
    params["train"]["epohcs"] = 3
    workspace.params_file.write_text(yaml.safe_dump(params))
    (found,) = findings(workspace, "params.yaml")
    assert "train.epohcs: unknown key" in found.problem


def test_damage_to_a_real_dvc_cache_is_found_and_fixed(workspace: Workspace) -> None:
    """A bit in the cache and a file in an output are named, and the given commands fix them."""
    environment = os.environ | {"DVC_NO_ANALYTICS": "1", "PATH": f"{DVC.parent}:{os.defpath}"}

    def run(command: str) -> None:
        shell = ["sh", "-c", command]
        subprocess.run(shell, cwd=workspace.root, env=environment, check=True, capture_output=True)

    (workspace.root / "dvc.lock").unlink()
    stage = {"cmd": "mkdir -p out && echo one > out/a && echo two > out/b", "outs": ["out"]}
    paths = workspace.pipeline()["vars"]
    pipeline = {"vars": paths, "stages": {"make": stage | {"deps": ["params.yaml"]}}}
    (workspace.root / "dvc.yaml").write_text(yaml.safe_dump(pipeline))
    run("dvc init -q && dvc repro -q")
    assert findings(workspace, "outputs") == findings(workspace, "DVC cache") == ()
    objects = (workspace.root / ".dvc" / "cache" / "files" / "md5").glob("*/*")
    damaged = next(p for p in objects if p.read_bytes() == b"one\n")
    damaged.chmod(0o644)
    damaged.write_bytes(b"ond\n")
    (workspace.root / "out" / "b").write_bytes(b"twp\n")
    (output,), (cached,) = findings(workspace, "outputs"), findings(workspace, "DVC cache")
    assert output.problem == "out differs from dvc.lock: b"
    assert str(damaged.relative_to(workspace.root)) in cached.fix
    for found in (output, cached):
        run(found.fix.replace("make repro", "dvc repro -q"))
    assert findings(workspace, "outputs") == findings(workspace, "DVC cache") == ()
    assert (workspace.root / "out" / "b").read_text() == "two\n"


def test_a_damaged_or_foreign_database_is_found(workspace: Workspace) -> None:
    """A database that is none is named, with how to start anew and record again."""
    (workspace.root / "mlflow.db").write_bytes(b"no database" * 500)
    (found,) = findings(workspace, "store")
    assert "is corrupt" in found.problem
    assert "blemish sync" in found.fix
    (result,) = examine(workspace, ["registry"])
    assert result.status == "skipped"


def test_a_moved_checkout_is_found(workspace: Workspace, tmp_path: Path) -> None:
    """The database knows artifacts by absolute path; after a move that is said."""
    sync.record_workspace(workspace)
    workspace.root.rename(tmp_path / "elsewhere")
    (found,) = findings(Workspace(tmp_path / "elsewhere"), "store")
    assert "moved or copied" in found.problem


def test_no_champion_and_no_version_are_told_apart(workspace: Workspace) -> None:
    """An empty registry needs training, one without champion a promotion."""
    assert [found.fix for found in findings(workspace, "registry")] == ["make repro"]
    sync.record_workspace(workspace)
    registry = Registry.connect(workspace=workspace)
    registry.store.client.delete_registered_model_alias(MODEL, "champion")
    assert [found.fix for found in findings(workspace, "registry")] == ["blemish promote candidate"]


def test_a_damaged_champion_is_found_behind_a_good_cache(workspace: Workspace) -> None:
    """A bit flipped in the store is found although this host has a verified copy."""
    sync.record_workspace(workspace)
    registry = Registry.connect(workspace=workspace)
    data = registry.model_bytes(registry.resolve("champion"))
    stored = next(
        path
        for path in (workspace.root / "mlartifacts").rglob("model.onnx")
        if path.read_bytes() == data
    )
    stored.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    (found,) = findings(workspace, "registry")
    assert "Version 1 (candidate, champion)" in found.problem
    assert sha256_bytes(stored.read_bytes())[:12] in found.problem
    assert "blemish" in found.fix
    sync.record_workspace(workspace)
    assert findings(workspace, "registry") == ()


def test_a_damaged_file_in_the_model_cache_is_found(workspace: Workspace) -> None:
    """A cached model whose bytes changed is named."""
    path = ModelCache().put(b"model")
    path.write_bytes(b"mode1")
    (found,) = findings(workspace, "model cache")
    assert found.fix == f"rm {path}"


def test_locks_left_behind_are_found(workspace: Workspace) -> None:
    """An old index lock of git and a corrupt lock of DVC are named; a fresh one is let be."""
    index = workspace.root / ".git" / "index.lock"
    index.touch()
    assert findings(workspace, "locks") == ()
    os.utime(index, (0, 0))
    (workspace.root / ".dvc" / "tmp").mkdir(parents=True)
    (workspace.root / ".dvc" / "tmp" / "rwlock").write_text('{"out": {"wri')
    fixes = [found.fix for found in findings(workspace, "locks")]
    assert fixes == [f"rm {index}", f"rm {workspace.root}/.dvc/tmp/rwlock"]


def test_it_speaks_json_and_keeps_its_exit_status(workspace: Workspace) -> None:
    """Scripts get one object; 0 when all is well, 1 otherwise."""
    sync.record_workspace(workspace)
    program = [sys.executable, "-m", "blemish", "doctor", "--json"]
    sound = subprocess.run(program, cwd=workspace.root, capture_output=True, check=False)
    assert (sound.returncode, json.loads(sound.stdout)["ok"]) == (0, True)
    final_weights(workspace).write_bytes(b"other")
    wrong = subprocess.run(program, cwd=workspace.root, capture_output=True, check=False)
    said = {result["check"]: result for result in json.loads(wrong.stdout)["checks"]}
    assert wrong.returncode == 1
    assert said["outputs"]["findings"][0]["fix"] == "rm -rf models/finetuned && make repro"
    write_lock(workspace)
    assert findings(workspace, "outputs") == ()
