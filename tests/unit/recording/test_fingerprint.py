"""The fingerprint of a training: content in, never place or time."""

import shutil
from pathlib import Path

import pytest
import yaml

from blemish.config import Workspace
from blemish.errors import WorkspaceError
from blemish.recording.dvc_files import param_value, resolve_path
from blemish.recording.fingerprint import stage_fingerprint, training_fingerprint


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    root = tmp_path / "checkout"
    (root / "src" / "blemish").mkdir(parents=True)
    (root / "data").mkdir()
    (root / "data" / "train.bin").write_bytes(b"pictures")
    (root / "src" / "blemish" / "losses.py").write_text("LOSS = 1\n")
    pipeline = {
        "vars": [{"paths": {"processed": "data", "trained": "models"}}],
        "stages": {
            "train": {
                "cmd": "train",
                "deps": ["${paths.processed}", "src/blemish/losses.py"],
                "params": ["train", "preprocess.resize"],
                "outs": ["${paths.trained}"],
            },
            "finetune": {
                "cmd": "finetune",
                "deps": [
                    "${paths.trained}",
                    "src/blemish/losses.py",
                    "real",
                    "starts/${finetune.start}.pt",
                ],
                "params": ["finetune"],
                "outs": ["tuned"],
            },
        },
    }
    (root / "dvc.yaml").write_text(yaml.safe_dump(pipeline))
    (root / "real").mkdir()
    (root / "real" / "set.bin").write_bytes(b"photographs")
    (root / "starts").mkdir()
    (root / "starts" / "None.pt").touch()
    params = {
        "finetune": {"steps": 2, "start": None},
        "train": {"epochs": 3},
        "preprocess": {"resize": "none", "seed": 1},
    }
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    return Workspace(root)


def edit_params(workspace: Workspace, **blocks: object) -> None:
    params = yaml.safe_load(workspace.params_file.read_text())
    workspace.params_file.write_text(yaml.safe_dump(params | blocks))


def test_it_is_the_same_at_another_path(workspace: Workspace, tmp_path: Path) -> None:
    """A copy of a checkout elsewhere has the same fingerprint."""
    shutil.copytree(workspace.root, tmp_path / "a" / "much" / "longer" / "path")
    elsewhere = Workspace(tmp_path / "a" / "much" / "longer" / "path")
    assert training_fingerprint(elsewhere) == training_fingerprint(workspace)


def test_it_changes_with_data_code_and_params_of_train(workspace: Workspace) -> None:
    """A byte of a dep and a value of a param each make another fingerprint."""
    seen = {training_fingerprint(workspace)}
    (workspace.root / "data" / "train.bin").write_bytes(b"imaged")
    seen.add(training_fingerprint(workspace))
    (workspace.root / "src" / "blemish" / "losses.py").write_text("LOSS = 2\n")
    seen.add(training_fingerprint(workspace))
    edit_params(workspace, train={"epochs": 4})
    seen.add(training_fingerprint(workspace))
    edit_params(workspace, preprocess={"resize": "fit", "seed": 1})
    seen.add(training_fingerprint(workspace))
    assert len(seen) == 5


def test_what_train_does_not_read_leaves_it_alone(workspace: Workspace) -> None:
    """Comments, other blocks, other keys and compiled files do not matter."""
    before = training_fingerprint(workspace)
    edit_params(workspace, serve={"port": 1}, preprocess={"resize": "none", "seed": 2})
    workspace.params_file.write_text(workspace.params_file.read_text() + "# a comment\n")
    compiled = workspace.root / "data" / "__pycache__"
    compiled.mkdir()
    (compiled / "x.pyc").write_bytes(b"x")
    assert training_fingerprint(workspace) == before


def test_it_covers_both_training_stages_without_what_passes_between(workspace: Workspace) -> None:
    """Real sets and finetune's params count; the weights that train hands over do not."""
    before = training_fingerprint(workspace)
    (workspace.root / "models").mkdir()
    (workspace.root / "models" / "weights.pt").write_bytes(b"weights")
    assert training_fingerprint(workspace) == before
    seen = {before}
    edit_params(workspace, finetune={"steps": 3, "start": None})
    seen.add(training_fingerprint(workspace))
    (workspace.root / "real" / "set.bin").write_bytes(b"other photographs")
    seen.add(training_fingerprint(workspace))
    assert len(seen) == 3


def test_a_checkpoint_is_named_by_the_inputs_of_its_own_stage(workspace: Workspace) -> None:
    """Other real sets leave train's checkpoint alone; other weights of train do not finetune's."""
    (workspace.root / "models").mkdir()
    (workspace.root / "models" / "weights.pt").write_bytes(b"weights")
    train, tune = (stage_fingerprint(workspace, stage) for stage in ("train", "finetune"))
    (workspace.root / "real" / "set.bin").write_bytes(b"other photographs")
    assert stage_fingerprint(workspace, "train") == train
    assert stage_fingerprint(workspace, "finetune") != tune
    tune = stage_fingerprint(workspace, "finetune")
    (workspace.root / "models" / "weights.pt").write_bytes(b"other weights")
    assert stage_fingerprint(workspace, "finetune") != tune


def test_only_the_chosen_start_counts(workspace: Workspace) -> None:
    """Starts that nobody chose change neither fingerprint nor checkpoint; the chosen one does."""

    def identities() -> tuple[str, str]:
        return training_fingerprint(workspace), stage_fingerprint(workspace, "finetune")

    (workspace.root / "models").mkdir()
    starts = workspace.root / "starts"
    before = identities()
    (starts / "line-2.pt").write_bytes(b"weights of line 2")
    (starts / "line-2.pt.dvc").write_text("outs: []\n")
    assert identities() == before
    edit_params(workspace, finetune={"steps": 2, "start": "line-2"})
    chosen = identities()
    (starts / "line-3.pt").write_bytes(b"weights of line 3")
    assert identities() == chosen
    (starts / "line-2.pt").write_bytes(b"other weights of line 2")
    assert not {*before, *chosen} & {*identities()}


def test_a_missing_dep_or_key_is_named(workspace: Workspace) -> None:
    """The error names what is missing and the command that brings it back."""
    with pytest.raises(WorkspaceError, match=r"no readable 'train.epoch'"):
        param_value(workspace, "train.epoch")
    (workspace.root / "src" / "blemish" / "losses.py").unlink()
    with pytest.raises(WorkspaceError, match=r"losses\.py is missing.*make repro"):
        training_fingerprint(workspace)


def test_paths_of_dvc_yaml_are_filled_in(workspace: Workspace) -> None:
    """Entries may be plain or carry options; names under ``vars`` are replaced."""
    assert resolve_path(workspace, "${paths.trained}/weights.pt") == "models/weights.pt"
    assert resolve_path(workspace, {"${paths.processed}": {"cache": False}}) == "data"
    assert resolve_path(workspace, "x/${finetune.start}.pt") == "x/None.pt"  # as DVC writes null
    with pytest.raises(WorkspaceError, match=r"no readable 'fine\.start'"):
        resolve_path(workspace, "${fine.start}")
    with pytest.raises(WorkspaceError, match="names no path 'nowhere'"):
        resolve_path(workspace, "${paths.nowhere}")
