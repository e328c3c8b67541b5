"""The record while training runs, against a real SQLite store."""

import logging
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.fake_servers import FakeServer, answering, hanging

from blemish.config import Workspace
from blemish.errors import StoreUnreachableError
from blemish.recording import sync, training_run
from blemish.store import connection, location
from blemish.store.names import RUN_FINGERPRINT
from blemish.training.listener import EpochResult

PRINT = "f" * 64


def epoch(number: int) -> EpochResult:
    return EpochResult(number, 1 / number, 1.1 / number, 1 - 0.5 / number, 0.01, 2.0)


def history(workspace: Workspace, run_id: str, metric: str) -> list[tuple[int, float]]:
    client = connection.connect(workspace).client
    return sorted((m.step, m.value) for m in client.get_metric_history(run_id, metric))


def test_each_epoch_is_in_the_store_before_the_next_begins(workspace: Workspace) -> None:
    """Curves are there while training runs, with right steps; the run ends finished."""
    with training_run.open_run(workspace, PRINT) as record:
        record.on_start(2, None)
        for number in (1, 2):
            record.on_epoch(epoch(number))
            assert history(workspace, record.run_id, "val_dice")[-1] == (number, 1 - 0.5 / number)
        record.on_end()
    run = connection.connect(workspace).client.get_run(record.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags[RUN_FINGERPRINT] == PRINT
    assert run.data.params["train.epochs"].isdigit()
    assert [step for step, _ in history(workspace, record.run_id, "train_loss")] == [1, 2]


def test_a_killed_training_finds_its_run_and_repeats_no_point(workspace: Workspace) -> None:
    """Opened again by fingerprint it is the same run, and an epoch trained twice is there once."""
    first = training_run.open_run(workspace, PRINT)
    first.on_epoch(epoch(1))
    first.on_epoch(epoch(2))
    second = training_run.open_run(workspace, PRINT)
    second.on_start(3, 1)
    for number in (2, 3):
        second.on_epoch(epoch(number))
    assert second.run_id == first.run_id
    assert [step for step, _ in history(workspace, first.run_id, "val_dice")] == [1, 2, 3]


def test_an_error_in_training_leaves_a_failed_run_behind(workspace: Workspace) -> None:
    """The run of a training that raised is marked as failed, and is used again afterwards."""
    record = training_run.open_run(workspace, PRINT)
    with pytest.raises(ZeroDivisionError), record:
        raise ZeroDivisionError
    client = connection.connect(workspace).client
    assert client.get_run(record.run_id).info.status == "FAILED"
    assert training_run.open_run(workspace, PRINT).run_id == record.run_id


def test_a_store_lost_on_the_way_is_said_once_and_stops_nothing(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    """Training goes on without its store, warns once, and names ``blemish sync``."""
    record = training_run.open_run(workspace, PRINT)
    record.on_epoch(epoch(1))
    database = workspace.root / "mlflow.db"
    database.write_bytes(b"this is no database" * 1000)
    with caplog.at_level(logging.WARNING):
        for number in (2, 3):
            record.on_epoch(epoch(number))
        record.on_end()
    assert len(caplog.records) == 1
    assert "blemish sync" in caplog.text


def test_sync_closes_the_run_that_training_opened(workspace: Workspace) -> None:
    """The run that watched the training holds everything else afterwards; there is one run."""
    from blemish.recording.fingerprint import training_fingerprint

    record = training_run.open_run(workspace, training_fingerprint(workspace))
    record.on_epoch(epoch(1))
    record.on_end()
    report = sync.record_workspace(workspace)
    assert report.run_id == record.run_id
    assert not report.new_run
    steps = [step for step, _ in history(workspace, record.run_id, "val_dice")]
    assert steps == list(range(1, 7))  # three epochs of each stage


@pytest.fixture
def two_stages(workspace: Workspace) -> Workspace:
    """A checkout whose pipeline fine-tunes what it has trained, with train's curves written."""
    (workspace.path("reports") / "training.csv").write_text(
        "epoch,train_loss,val_dice\n1,0.5,0.6\n2,0.4,0.7\n"
    )
    return workspace


def test_finetune_goes_on_in_the_run_that_train_opened(two_stages: Workspace) -> None:
    """Both stages write one run; the epochs of the second count on, and none is there twice."""
    first = training_run.open_run(two_stages, PRINT)
    first.on_epoch(epoch(1))
    second = training_run.open_run(two_stages, PRINT, "finetune")
    second.on_epoch(epoch(1))
    assert second.run_id == first.run_id
    assert history(two_stages, first.run_id, "val_dice") == [(1, 0.5), (2, 0.7), (3, 0.5)]
    again = training_run.open_run(two_stages, PRINT, "finetune")
    again.on_epoch(epoch(1))
    assert len(history(two_stages, first.run_id, "val_dice")) == 3


def test_finetune_records_the_curves_of_a_train_that_dvc_skipped(two_stages: Workspace) -> None:
    """Where only finetune runs, it opens the run, and train's curves are in it from its output."""
    record = training_run.open_run(two_stages, PRINT, "finetune")
    record.on_epoch(epoch(2))
    run = connection.connect(two_stages).client.get_run(record.run_id)
    assert {"train.epochs"} <= set(run.data.params)
    assert any(name.startswith("finetune.") for name in run.data.params)
    assert history(two_stages, record.run_id, "val_dice") == [(1, 0.6), (2, 0.7), (4, 0.75)]


@pytest.fixture(params=["refused", "hung", "html", "error 500"])
def dead_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """Yield the address of something that is no MLflow server."""
    if request.param == "refused":
        yield "http://127.0.0.1:9"
        return
    server: FakeServer = {
        "hung": hanging,
        "html": lambda: answering(200, "text/html", b"<html>Sign in</html>"),
        "error 500": lambda: answering(500, "text/plain", b"oops"),
    }[request.param]()
    with server as address:
        yield address


def test_a_dead_server_is_noticed_within_two_seconds(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, dead_server: str
) -> None:
    """Training fails before any work, with the address and the next command in its sentence."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", dead_server)
    start = time.monotonic()
    with pytest.raises(StoreUnreachableError, match=dead_server) as caught:
        training_run.open_run(workspace, PRINT)
    assert time.monotonic() - start < 2.6
    assert "make ui" in str(caught.value)


def test_the_embedded_store_lies_in_the_main_tree_for_all_its_copies(
    workspace: Workspace, tmp_path: Path
) -> None:
    """An experiment's copy and a git worktree name the same store as the main checkout."""
    copy = workspace.root / ".dvc" / "tmp" / "exps" / "standalone" / "tmpabc"
    copy.mkdir(parents=True)
    shutil.copy(workspace.root / "dvc.yaml", copy)
    worktree = tmp_path / "worktree"
    import subprocess

    add = ["git", "-C", str(workspace.root), "worktree", "add", "-q", str(worktree)]
    subprocess.run(add, check=True)
    here = location.locate(workspace)
    assert here.uri == f"sqlite:///{workspace.root}/mlflow.db"
    assert location.locate(Workspace(copy)) == location.locate(Workspace(worktree)) == here
    assert str(here) == "sqlite:///mlflow.db"


def test_a_uri_replaces_the_embedded_store_and_hides_its_password(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``MLFLOW_TRACKING_URI`` wins; a relative file counts from the main tree; secrets stay."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://me:secret@db/blemish")
    assert str(location.locate(workspace)) == "postgresql://me:***@db/blemish"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///other.db")
    assert location.locate(workspace).uri == f"sqlite:///{workspace.root}/other.db"
