"""``blemish start``: a version's weights become a start that fine-tuning can name."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from integration.tiny_checkout import make_checkout

from blemish.cli.start_command import start
from blemish.config import Workspace
from blemish.errors import NotFoundError, ParamsError, TamperedModelError
from blemish.files import sha256_file
from blemish.finetuning.start_files import find_start
from blemish.recording import sync
from blemish.registry import Registry


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A recorded checkout under DVC, which commands run in."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("BLEMISH_CACHE", str(tmp_path / "cache"))
    made = make_checkout(tmp_path / "checkout")
    sync.record_workspace(made)
    (made.root / ".gitignore").write_text("/mlflow.db*\n/mlartifacts/\n/.blemish/\n")
    dvc = [sys.executable, "-m", "dvc", "init", "-q", "-f"]
    subprocess.run(dvc, cwd=made.root, check=True, capture_output=True)
    monkeypatch.chdir(made.root)
    return made


def run(*arguments: str) -> Result:
    return CliRunner().invoke(start, arguments, catch_exceptions=False)


def test_a_version_becomes_a_start(workspace: Workspace) -> None:
    """The bytes are those of the version's tag, DVC tracks them, and finetune finds them."""
    told = json.loads(run("champion", "--name", "line-3", "--json").output)
    version = Registry.connect(workspace=workspace).resolve("champion")
    target = workspace.root / told["file"]
    assert sha256_file(target) == told["sha256"] == version.tags["weights_sha256"]
    assert target.with_name("line-3.pt.dvc").is_file()
    assert find_start(workspace.path("trained"), target.parent, "line-3").path == target
    assert "-S finetune.start=line-3" in run("champion", "--name", "line-3").output


def test_other_weights_are_not_replaced_unasked(workspace: Workspace) -> None:
    """A start of that name stays until --force says otherwise."""
    target = workspace.path("starts") / "line-3.pt"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(b"other weights")
    with pytest.raises(ParamsError, match="holds other weights"):
        run("champion", "--name", "line-3")
    assert target.read_bytes() == b"other weights"
    run("champion", "--name", "line-3", "--force")
    assert target.read_bytes() != b"other weights"


def test_what_cannot_start_is_refused_and_writes_nothing(workspace: Workspace) -> None:
    """An unknown version, a name that leaves the folder, and changed bytes in the store."""
    with pytest.raises(NotFoundError):
        run("nobody", "--name", "line-3")
    for name in ("../line-3", "None", "null", "2026-11-26"):
        with pytest.raises(ParamsError, match="cannot be named"):
            run("champion", "--name", name)
    registry = Registry.connect(workspace=workspace)
    stored = registry.store.client.get_run(registry.resolve("champion").run_id).info.artifact_uri
    folder = Path(stored.removeprefix("file://"))
    (folder / "weights" / "weights.pt").write_bytes(b"others")
    with pytest.raises(TamperedModelError):
        run("champion", "--name", "line-3")
    assert [path.name for path in workspace.path("starts").glob("*.pt")] == ["None.pt"]
