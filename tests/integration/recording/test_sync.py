"""Recording a finished pipeline: once, wherever it ran, against real stores."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import small_world
from integration.tiny_checkout import git, write_data, write_lock, write_outputs

from blemish.config import Workspace, load_params
from blemish.errors import WorkspaceError
from blemish.files import sha256_bytes
from blemish.image_digests import plane_digest
from blemish.packed import PackedSet
from blemish.recording import sync
from blemish.recording.pipeline_outputs import final_weights, model_path
from blemish.registry import Registry
from blemish.store import connection, location
from blemish.store.names import EXPERIMENT, RUN_FINGERPRINT, RUN_RECORD


def all_runs(workspace: Workspace) -> list:
    client = connection.connect(workspace).client
    found = client.get_experiment_by_name(EXPERIMENT)
    return client.search_runs([found.experiment_id]) if found else []


def test_everything_is_recorded(workspace: Workspace) -> None:
    """One closed run with params, data, curves, metrics and files; two tagged versions."""
    report = sync.record_workspace(workspace)
    (run,) = all_runs(workspace)
    assert run.info.status == "FINISHED"
    assert run.data.tags[RUN_RECORD] == report.record
    assert run.data.tags[RUN_FINGERPRINT] == report.fingerprint
    images = load_params(workspace.params_file).generate.images
    assert run.data.params["generate.images"] == str(images)
    assert run.data.metrics["test_dice"] == 0.9
    by_set = {key: value for key, value in run.data.metrics.items() if key.startswith("set/")}
    assert by_set == {
        "set/synthetic/dice": 0.9,
        "set/synthetic/class/.._odd class/dice": 0.9,
        "set/synthetic/class/.._odd class/found_share": 1.0,
    }
    assert {i.dataset.name for i in run.inputs.dataset_inputs} == {
        "synthetic",
        "synthetic_splits",
        "real_splits",
    }
    lock = workspace.lock()["stages"]
    digests = {i.dataset.digest for i in run.inputs.dataset_inputs}
    made = [out for name in ("generate", "preprocess") for out in lock[name]["outs"]]
    assert digests == {out["md5"] for out in made}
    client = connection.connect(workspace).client
    points = client.get_metric_history(run.info.run_id, "val_dice")
    assert sorted((p.step, round(p.value, 3)) for p in points) == [
        *((1, 0.8), (2, 0.85), (3, 0.867)),  # of train
        *((4, 0.8), (5, 0.85), (6, 0.867)),  # of finetune, which counts on
    ]
    names = {a.path for a in client.list_artifacts(run.info.run_id, "evaluated")}
    assert {"evaluated/per_image.csv", "evaluated/test_images"} <= names
    names = {a.path for a in client.list_artifacts(run.info.run_id, "reports")}
    folders = {"reports/gallery", "reports/curves", "reports/drawn"}
    assert {*folders, "reports/parity.json"} <= names


def test_versions_carry_their_identity_and_aliases(workspace: Workspace) -> None:
    """fp32 is version 1, candidate and champion; int8 is version 2; the tags say what they are."""
    sync.record_workspace(workspace)
    registry = Registry.connect(workspace=workspace)
    assert registry.aliases() == {"candidate": 1, "candidate-int8": 2, "champion": 1}
    for version in registry.versions():
        assert version.sha256 == sha256_bytes(model_path(workspace, version.precision).read_bytes())
        assert version.git_dirty is False
        assert len(version.git_commit) == 40
        assert version.tags["test_dice"] == "0.9"
        assert float(version.tags["latency_ms"]) > 0
        assert version.tags["digest.synthetic_splits"].endswith(".dir")


def test_stock_mlflow_loads_the_champion_and_its_file_is_dvc_s(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``mlflow.onnx.load_model`` works by alias, and the stored bytes equal the exported ones."""
    import mlflow
    import mlflow.artifacts
    import mlflow.onnx

    sync.record_workspace(workspace)
    uri = location.locate(workspace).uri
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    model = mlflow.onnx.load_model("models:/blemish@champion")
    assert [i.name for i in model.graph.input] == ["image"]
    folder = Path(mlflow.artifacts.download_artifacts("models:/blemish@champion"))
    assert (folder / "model.onnx").read_bytes() == model_path(workspace, "fp32").read_bytes()


def test_twice_is_once(workspace: Workspace) -> None:
    """Recording again makes no run and no version, and says so."""
    first = sync.record_workspace(workspace)
    second = sync.record_workspace(workspace)
    assert (second.changed, second.run_id, second.versions) == (False, first.run_id, first.versions)
    assert len(all_runs(workspace)) == 1
    assert len(Registry.connect(workspace=workspace).versions()) == 2


def test_a_deleted_store_comes_back_once_and_says_what_does_not(workspace: Workspace) -> None:
    """After the database is gone, outputs are recorded again with curves and a champion."""
    sync.record_workspace(workspace)
    write_outputs(workspace, skill=0.95)
    sync.record_workspace(workspace)
    (workspace.root / "mlflow.db").unlink()
    program = [sys.executable, "-m", "blemish", "sync"]
    first = subprocess.run(program, cwd=workspace.root, capture_output=True, text=True, check=True)
    second = subprocess.run(program, cwd=workspace.root, capture_output=True, text=True, check=True)
    assert "cannot be recovered" in first.stdout
    assert "Recorded already" in second.stdout
    assert len(all_runs(workspace)) == 1
    registry = Registry.connect(workspace=workspace)
    assert registry.resolve("champion").precision == "fp32"
    assert len(registry.versions()) == 2


def test_evaluating_again_makes_a_new_run_of_the_same_training(workspace: Workspace) -> None:
    """Another threshold over the same weights: same fingerprint, another record, new versions."""
    first = sync.record_workspace(workspace)
    write_outputs(workspace, threshold=0.4)
    second = sync.record_workspace(workspace)
    assert second.fingerprint == first.fingerprint
    assert second.record != first.record
    assert second.run_id != first.run_id
    registry = Registry.connect(workspace=workspace)
    assert registry.aliases() == {"candidate": 3, "candidate-int8": 4, "champion": 1}


def test_a_sync_killed_half_way_is_completed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first version without its second, in an open run: the next sync adds what is missing."""
    real, calls = sync.register, []

    def dying(*arguments: object) -> int:
        if calls:
            raise KeyboardInterrupt
        calls.append(arguments)
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(sync, "register", dying)
    with pytest.raises(KeyboardInterrupt):
        sync.record_workspace(workspace)
    monkeypatch.undo()
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    report = sync.record_workspace(workspace)
    assert report.versions == {"fp32": 1, "int8": 2}
    assert len(all_runs(workspace)) == 1
    aliases = Registry.connect(workspace=workspace).aliases()
    assert aliases == {"candidate": 1, "candidate-int8": 2, "champion": 1}


def test_a_lost_model_file_is_put_back(workspace: Workspace) -> None:
    """A version whose stored file is gone or damaged gets its bytes again from the outputs."""
    sync.record_workspace(workspace)
    stored = next((workspace.root / "mlartifacts").rglob("model.onnx"))
    stored.write_bytes(b"damaged")
    report = sync.record_workspace(workspace)
    assert report.restored
    registry = Registry.connect(workspace=workspace)
    for version in registry.versions():
        registry.stored_bytes(version)


def test_a_run_recorded_without_its_images_learns_which_they_were(workspace: Workspace) -> None:
    """Sync adds the digests where the splits of that run are at hand; others add none."""
    splits = small_world.write_data(workspace.path("synthetic_splits"))
    write_lock(workspace)
    run_id = sync.record_workspace(workspace).run_id
    registry = Registry.connect(workspace=workspace)
    version = registry.resolve(1)
    recorded = next((workspace.root / "mlartifacts").rglob("images.csv"))
    recorded.unlink()
    assert registry.image_digests(version) is None
    report = sync.record_workspace(workspace)
    assert (report.run_id, report.restored) == (run_id, ("digests of images",))
    found = registry.image_digests(version) or ()
    for split in ("train", "val", "test"):
        packed = PackedSet.open(splits, split)
        planes = [plane_digest(packed.image(place)) for place in range(len(packed))]
        assert [one.sha256 for one in found if one.split == split] == planes
        assert planes
    assert not sync.record_workspace(workspace).changed
    recorded.unlink()
    small_world.write_split(splits, "train", 3, seed=9)
    write_lock(workspace)
    assert sync.record_workspace(workspace).restored == ()
    assert registry.image_digests(version) is None


def test_dirty_means_source_and_not_what_the_pipeline_writes(workspace: Workspace) -> None:
    """What DVC writes and reports leave a version clean; an edited source makes it dirty."""
    with (workspace.root / "reports" / "metrics.json").open("a") as stream:
        stream.write("\n")
    (workspace.root / "models" / ".gitignore").write_text("/trained\n")
    write_lock(workspace)
    sync.record_workspace(workspace)
    assert Registry.connect(workspace=workspace).resolve(1).git_dirty is False
    with workspace.params_file.open("a") as stream:
        stream.write("# edited\n")
    write_outputs(workspace, skill=0.95)
    sync.record_workspace(workspace)
    assert Registry.connect(workspace=workspace).resolve(3).git_dirty is True


@pytest.mark.parametrize("place", ["experiment copy", "worktree"])
def test_copies_record_in_the_store_of_the_main_tree(
    workspace: Workspace, tmp_path: Path, place: str
) -> None:
    """A DVC experiment's copy and a git worktree add to the one store, with their own outputs."""
    sync.record_workspace(workspace)
    if place == "worktree":
        copy = tmp_path / "worktree"
        git(workspace.root, "worktree", "add", "-q", str(copy))
    else:
        copy = workspace.root / ".dvc" / "tmp" / "exps" / "standalone" / "tmp1"
        skip = shutil.ignore_patterns(".dvc", "mlflow.db*", "mlartifacts", ".blemish")
        shutil.copytree(workspace.root, copy, ignore=skip)
    other = Workspace(copy)
    write_data(other, seed=4)
    write_outputs(other, seed=4)
    report = sync.record_workspace(other)
    assert report.versions == {"fp32": 3, "int8": 4}
    assert not (copy / "mlflow.db").exists()
    assert len(all_runs(workspace)) == 2


def test_two_processes_at_once_record_once(workspace: Workspace) -> None:
    """Several syncs of the same outputs, started together on an empty store, make one run."""
    (workspace.root / "mlflow.db").unlink()
    program = [sys.executable, "-m", "blemish", "sync", "--json"]
    both = [subprocess.Popen(program, cwd=workspace.root, stdout=subprocess.PIPE) for _ in range(2)]
    reports = [json.loads(process.communicate()[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(report["changed"] for report in reports) == [False, True]
    assert len(all_runs(workspace)) == 1
    assert len(Registry.connect(workspace=workspace).versions()) == 2


def test_unfinished_outputs_are_refused_in_one_sentence(workspace: Workspace) -> None:
    """What is missing is named with the next command; nothing is recorded."""
    model_path(workspace, "int8").unlink()
    with pytest.raises(
        WorkspaceError, match=r"models/exported/model\.int8\.onnx\. Run: make repro"
    ):
        sync.record_workspace(workspace)
    assert all_runs(workspace) == []


def test_outputs_of_different_runs_are_refused(workspace: Workspace) -> None:
    """Models exported from another training, or another threshold, are not mixed up."""
    threshold = workspace.path("evaluated") / "threshold.json"
    threshold.write_text('{"threshold": 0.3, "peak": 0.9}')
    with pytest.raises(
        WorkspaceError,
        match=r"0\.5, peak 0\.0, but evaluation chose threshold 0\.3, peak 0\.9.*dvc repro",
    ):
        sync.record_workspace(workspace)
    training = final_weights(workspace).with_name("training.json")
    training.write_text(json.dumps({"fingerprint": "a" * 64}))
    with pytest.raises(WorkspaceError, match=r"the trained weights are aaaaaaaaaaaa"):
        sync.record_workspace(workspace)


def test_a_champion_whose_run_was_deleted_is_still_the_champion_and_heals(
    workspace: Workspace,
) -> None:
    """After ``mlflow gc`` the version resolves and says what is lost; sync records it again."""
    first = sync.record_workspace(workspace)
    registry = Registry.connect(workspace=workspace)
    store = registry.store
    store.client.delete_run(first.run_id)
    store.client._tracking_client.store._hard_delete_run(first.run_id)
    champion = registry.resolve("champion")
    assert (champion.version, champion.run_lost) == (1, True)
    assert any("blemish sync" in fault for fault in registry.faults())
    report = sync.record_workspace(workspace)
    assert report.new_run
    assert report.new_versions == ()
    healed = registry.resolve("champion")
    assert (healed.version, healed.run_id, healed.run_lost) == (1, report.run_id, False)
    assert len(registry.results(healed)) == 24
    assert registry.faults() == ()
    assert [version.run_lost for version in registry.versions()] == [False, False]


def test_a_renamed_experiment_stays_the_one(workspace: Workspace) -> None:
    """A person renames the experiment in the UI: the next run goes there, no second one is made."""
    sync.record_workspace(workspace)
    client = connection.connect(workspace).client
    number = client.get_experiment_by_name(EXPERIMENT).experiment_id
    client.rename_experiment(number, "line 3")
    write_outputs(workspace, seed=3)
    sync.record_workspace(workspace)
    assert {one.name for one in client.search_experiments()} == {"Default", "line 3"}
    assert len(client.search_runs([number])) == 2
