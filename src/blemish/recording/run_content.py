"""What a run holds beyond its params: curves, figures, data, and the files a person looks at."""

import time
from typing import TYPE_CHECKING

from blemish.recording.pipeline_outputs import Outputs
from blemish.recording.runs import logged_steps
from blemish.store.connection import Store
from blemish.store.names import EVALUATED, REPORTS

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

_METRICS_AT_ONCE = 1000  # MLflow's limit of one batch
_REPORT_FILES = ("metrics.json", "parity.json", "training.csv")
_REPORT_FOLDERS = ("curves", "gallery")


def log_content(store: Store, run_id: str, outputs: Outputs) -> None:
    """Write everything about finished outputs to their run, except the model files.

    Safe to repeat after a kill: what is there already is skipped or written over.

    Args:
        store: Where; the caller holds its lock.
        run_id: The run.
        outputs: What to write.
    """
    _log_curves(store, run_id, outputs)
    _log_metrics(store, run_id, outputs)
    _log_data(store, run_id, outputs)
    log_files(store, run_id, outputs)


def has_files(store: Store, run_id: str) -> bool:
    """Whether a run still has the files that :func:`log_files` wrote."""
    with store.calling("Listing artifacts") as client:
        return bool(client.list_artifacts(run_id, EVALUATED))


def _log_curves(store: Store, run_id: str, outputs: Outputs) -> None:
    """Add the epochs that the run lacks, from ``reports/training.csv``."""
    from mlflow.entities import Metric  # noqa: PLC0415 - the store has imported MLflow by now

    known = logged_steps(store, run_id, "val_dice")
    start = _start_time(store, run_id)
    points = [
        Metric(key, value, start + int(row["epoch"]), int(row["epoch"]))
        for row in outputs.curves
        for key, value in row.items()
        if key != "epoch" and int(row["epoch"]) not in known
    ]
    with store.calling("Recording curves") as client:
        for first in range(0, len(points), _METRICS_AT_ONCE):
            client.log_batch(run_id, metrics=points[first : first + _METRICS_AT_ONCE])


def _log_metrics(store: Store, run_id: str, outputs: Outputs) -> None:
    from mlflow.entities import Metric  # noqa: PLC0415 - the store has imported MLflow by now

    figures = outputs.metrics | {f"parity.{key}": value for key, value in outputs.parity.items()}
    now = int(time.time() * 1000)  # where an evaluation anew writes twice, the last counts
    points = [Metric(_key(key), value, now, 0) for key, value in figures.items()]
    with store.calling("Recording metrics") as client:
        client.log_batch(run_id, metrics=points)


def _log_data(store: Store, run_id: str, outputs: Outputs) -> None:
    """Record the data by digest: as tags, and as inputs that MLflow's pages show."""
    with store.calling("Recording data") as client:
        for name, digest in outputs.digests.items():
            client.set_tag(run_id, f"digest.{name}", digest)
        client.log_inputs(run_id, _datasets(outputs))


def _datasets(outputs: Outputs) -> "list[DatasetInput]":
    from mlflow.entities import (  # noqa: PLC0415 - the store has imported MLflow by now
        Dataset,
        DatasetInput,
        InputTag,
    )

    contexts = {"synthetic": "generation", "processed": "training"}
    return [
        DatasetInput(
            Dataset(
                name, outputs.digests[name], "dvc", f'{{"path": "{_relative(outputs, name)}"}}'
            ),
            [InputTag("mlflow.data.context", context)],
        )
        for name, context in contexts.items()
        if name in outputs.digests
    ]


def log_files(store: Store, run_id: str, outputs: Outputs) -> None:
    """Write what evaluation found and what a person looks at to a run, as artifacts."""
    reports = outputs.workspace.path("reports")
    with store.calling("Recording artifacts") as client:
        client.log_artifacts(run_id, str(outputs.workspace.path("evaluated")), EVALUATED)
        for name in _REPORT_FILES:
            client.log_artifact(run_id, str(reports / name), REPORTS)
        for name in _REPORT_FOLDERS:
            if (reports / name).is_dir():
                client.log_artifacts(run_id, str(reports / name), f"{REPORTS}/{name}")


def _start_time(store: Store, run_id: str) -> int:
    """Return when a run began, ms since 1970: the same each time, so that repeats coincide."""
    with store.calling("Reading a run") as client:
        return int(client.get_run(run_id).info.start_time)


def _relative(outputs: Outputs, name: str) -> str:
    return outputs.workspace.path(name).relative_to(outputs.workspace.root).as_posix()


def _key(name: str) -> str:
    """Return a metric's name with only the characters that MLflow accepts."""
    return "".join(c if c.isalnum() or c in "_-. /" else "_" for c in name)
