"""What a run holds beyond its params: curves, metrics, data, weights, files to look at."""

import time
from typing import TYPE_CHECKING

from blemish.recording.curves import log_curves
from blemish.recording.pipeline_outputs import PipelineOutputs, final_weights
from blemish.recording.runs import log_metrics
from blemish.store.connection import Store
from blemish.store.names import DIGEST, EVALUATED, IMAGES, REPORTS, WEIGHTS

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

_NAME_LENGTH = 250  # MLflow's limit
_REPORT_FILES = ("metrics.json", "parity.json", "training.csv", "finetuning.csv")
_REPORT_FOLDERS = ("curves", "gallery", "drawn")


def log_content(store: Store, run_id: str, outputs: PipelineOutputs) -> None:
    """Write everything about finished outputs to their run, except the model files.

    Safe to repeat after a kill: what is there already is skipped or written over.

    Args:
        store: Where; the caller holds its lock.
        run_id: The run.
        outputs: What to write.
    """
    log_curves(store, run_id, outputs.curves)
    _log_metrics(store, run_id, outputs)
    _log_data(store, run_id, outputs)
    log_files(store, run_id, outputs)
    log_image_digests(store, run_id, outputs)


def log_image_digests(store: Store, run_id: str, outputs: PipelineOutputs) -> bool:
    """Write which images were trained, validated and tested on, unless the run says so already.

    Returns:
        Whether it was written: not where the splits are not in this checkout.
    """
    folder = IMAGES.rpartition("/")[0]
    with store.calling("Recording the digests of images") as client:
        if any(entry.path == IMAGES for entry in client.list_artifacts(run_id, folder)):
            return False
        if outputs.image_digests is None:
            return False
        client.log_text(run_id, outputs.image_digests, IMAGES)
        return True


def has_files(store: Store, run_id: str) -> bool:
    """Whether a run still has the files that :func:`log_files` wrote."""
    with store.calling("Listing artifacts") as client:
        return bool(client.list_artifacts(run_id, EVALUATED))


def _log_metrics(store: Store, run_id: str, outputs: PipelineOutputs) -> None:
    from mlflow.entities import Metric  # noqa: PLC0415 - the store has imported MLflow by now

    metrics = outputs.metrics | {f"parity.{key}": value for key, value in outputs.parity.items()}
    now = int(time.time() * 1000)  # where an evaluation anew writes twice, the last counts
    points = [
        *(Metric(_key(key), value, now, 0) for key, value in metrics.items()),
        *(Metric(_path(*parts), value, now, 0) for parts, value in outputs.set_metrics.items()),
    ]
    log_metrics(store, run_id, points, doing="Recording metrics")


def _log_data(store: Store, run_id: str, outputs: PipelineOutputs) -> None:
    """Record the data by digest: as tags, and as inputs that MLflow's pages show."""
    with store.calling("Recording data") as client:
        for name, digest in outputs.digests.items():
            client.set_tag(run_id, f"{DIGEST}{name}", digest)
        client.log_inputs(run_id, _datasets(outputs))


def _datasets(outputs: PipelineOutputs) -> "list[DatasetInput]":
    from mlflow.entities import (  # noqa: PLC0415 - the store has imported MLflow by now
        Dataset,
        DatasetInput,
        InputTag,
    )

    contexts = {
        "synthetic": "generation",
        "synthetic_splits": "training",
        "real_splits": "training",
    }
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


def log_files(store: Store, run_id: str, outputs: PipelineOutputs) -> None:
    """Write what evaluation found and what a person looks at to a run, as artifacts."""
    reports = outputs.workspace.path("reports")
    with store.calling("Recording artifacts") as client:
        client.log_artifacts(run_id, str(outputs.workspace.path("evaluated")), EVALUATED)
        client.log_artifact(run_id, str(final_weights(outputs.workspace)), WEIGHTS)
        for name in _REPORT_FILES:
            if (reports / name).is_file():
                client.log_artifact(run_id, str(reports / name), REPORTS)
        for name in _REPORT_FOLDERS:
            if (reports / name).is_dir():
                client.log_artifacts(run_id, str(reports / name), f"{REPORTS}/{name}")


def _relative(outputs: PipelineOutputs, name: str) -> str:
    return outputs.workspace.path(name).relative_to(outputs.workspace.root).as_posix()


def _key(name: str) -> str:
    """Return a metric's name with only the characters that MLflow accepts."""
    return "".join(c if c.isalnum() or c in "_-. /" else "_" for c in name)


def _path(*parts: str) -> str:
    """Return the name of a metric of a part: each stays one level, whatever its name holds."""
    levels = [_key(part).replace("/", "_").strip() for part in parts]
    return "/".join(level if level.strip(".") else f"_{level}" for level in levels)[:_NAME_LENGTH]
