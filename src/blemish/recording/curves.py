"""Metrics by epoch, as the two training stages leave them: finetune counts on where train ended."""

import csv
from collections.abc import Iterable
from pathlib import Path

from blemish.config import Workspace
from blemish.recording.runs import log_metrics, logged_steps
from blemish.store.connection import Store

_FILES = ("training.csv", "finetuning.csv")

Epoch = dict[str, float]
"""Metrics of one epoch by name, ``epoch`` (from 1) among them."""


def curve_files(workspace: Workspace) -> tuple[Path, ...]:
    """Return the CSV files of both training stages, in their order."""
    reports = workspace.path("reports")
    return tuple(reports / name for name in _FILES)


def read_curves(workspace: Workspace) -> tuple[Epoch, ...]:
    """Return the epochs of all training stages as one sequence."""
    epochs: list[Epoch] = []
    for path in curve_files(workspace):
        offset = int(epochs[-1]["epoch"]) if epochs else 0
        epochs += [row | {"epoch": row["epoch"] + offset} for row in read_epochs(path)]
    return tuple(epochs)


def read_epochs(path: Path) -> tuple[Epoch, ...]:
    """Return the epochs of one CSV file; none where the file is missing."""
    if not path.is_file():
        return ()
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return tuple({key: float(value) for key, value in row.items() if value} for row in rows)


def log_curves(store: Store, run_id: str, epochs: Iterable[Epoch]) -> None:
    """Add the epochs that a run lacks.

    Args:
        store: Where.
        run_id: The run.
        epochs: What :func:`read_epochs` returned.
    """
    from mlflow.entities import Metric  # noqa: PLC0415 - the store has imported MLflow by now

    known = logged_steps(store, run_id, "val_dice")
    start = _start_time(store, run_id)
    points: list[Metric] = [
        Metric(key, value, start + int(row["epoch"]), int(row["epoch"]))
        for row in epochs
        for key, value in row.items()
        if key != "epoch" and int(row["epoch"]) not in known
    ]
    log_metrics(store, run_id, points, doing="Recording curves")


def _start_time(store: Store, run_id: str) -> int:
    """Return when a run began, ms since 1970: the same each time, so that repeats coincide."""
    with store.calling("Reading a run") as client:
        return int(client.get_run(run_id).info.start_time)
