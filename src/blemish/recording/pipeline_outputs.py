"""What a finished pipeline left in a checkout, read and checked before it is recorded."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from blemish.config import Workspace
from blemish.errors import ModelFileError, WorkspaceError
from blemish.files import canonical_json, sha256_bytes, sha256_file
from blemish.image_digests import digest_splits, write_digests
from blemish.inference import Segmenter
from blemish.operating_point import OperatingPoint
from blemish.recording.curves import Epoch, curve_files, read_curves
from blemish.recording.dvc_files import (
    locked_outputs,
    locked_params,
    md5_of,
    param_value,
    running_stage,
)
from blemish.registry.registration import ModelFile
from blemish.store.run_params import flatten

PRECISIONS = ("fp32", "int8")
_NO_OUTPUTS = frozenset({"real", "reports", "starts"})
"""Paths of ``dvc.yaml`` that are inputs, or too mixed to have one digest."""
SPLIT_FOLDERS = ("synthetic_splits", "real_splits")
"""Names in ``dvc.yaml`` of the folders of packed splits."""
_FIX = "Run: make repro"
_SET_METRICS = ("dice", "iou", "object_f1", "image_auroc", "false_alarm_rate")
_CLASS_METRICS = ("dice", "found_share")


@dataclass(frozen=True)
class PipelineOutputs:
    """The final outputs of one checkout.

    Attributes:
        workspace: The checkout.
        fingerprint: Fingerprint of the training, as its last stage wrote it.
        models: The exported files, fp32 first.
    """

    workspace: Workspace
    fingerprint: str
    models: tuple[ModelFile, ...]

    @cached_property
    def record(self) -> str:
        """SHA-256 over weights, metrics and both model files: the identity of a closed run."""
        content = {
            "weights": self.weights_sha256,
            "metrics": sha256_file(self.workspace.path("reports") / "metrics.json"),
            **{model.precision: model.sha256 for model in self.models},
        }
        return sha256_bytes(canonical_json(content))

    @cached_property
    def weights_sha256(self) -> str:
        """SHA-256 of the final weights, 64 hexadecimal digits."""
        return sha256_file(final_weights(self.workspace))

    @cached_property
    def metrics(self) -> dict[str, float]:
        """The headline metrics of ``reports/metrics.json``, flat."""
        return _numbers(read_json(self.workspace.path("reports") / "metrics.json"))

    @cached_property
    def set_metrics(self) -> dict[tuple[str, ...], float]:
        """Metrics of each set and of its classes: ``("set", "line-3", "class", "pit", "dice")``.

        Those that are undefined are left out, and those that an older evaluation did not write.
        """
        path = self.workspace.path("evaluated") / "details.json"
        sets = read_json(path).get("sets", {}) if path.is_file() else {}
        found: dict[tuple[str, ...], float | None] = {}
        for name, summary in sets.items():
            for metric in _SET_METRICS:
                found["set", name, metric] = summary.get(metric, {}).get("value")
            for kind, metrics in summary.get("classes", {}).items():
                for metric in _CLASS_METRICS:
                    found["set", name, "class", kind, metric] = metrics.get(metric)
        return {key: float(value) for key, value in found.items() if value is not None}

    @cached_property
    def parity(self) -> dict[str, float]:
        """The metrics of ``reports/parity.json`` without their bounds, flat."""
        content = read_json(self.workspace.path("reports") / "parity.json")
        return _numbers(
            {
                name: metric["value"] if isinstance(metric, dict) and "value" in metric else metric
                for name, metric in content.items()
            }
        )

    @cached_property
    def curves(self) -> tuple[Epoch, ...]:
        """Metrics of each epoch of train, then of finetune, which counts on."""
        return read_curves(self.workspace)

    @cached_property
    def params(self) -> dict[str, str]:
        """Params that the stages ran with, flat: from ``dvc.lock``, else from ``params.yaml``."""
        blocks = self.workspace.pipeline()["stages"]
        present = {block: param_value(self.workspace, block) for block in blocks}
        locked = flatten(locked_params(self.workspace))
        return flatten(present) | locked

    @cached_property
    def digests(self) -> dict[str, str]:
        """DVC's md5 of each output folder, by its name in ``dvc.yaml``; absent ones left out."""
        locked = locked_outputs(self.workspace, without=running_stage())
        found = {}
        for name, relative in self.workspace.pipeline()["vars"][0]["paths"].items():
            if name in _NO_OUTPUTS:
                continue
            if relative in locked:
                found[name] = locked[relative]
            elif (self.workspace.root / relative).is_dir():
                found[name] = md5_of(self.workspace.root / relative)
        return found

    @cached_property
    def image_digests(self) -> str | None:
        """The images of all splits by content, as CSV; None when they are not in this checkout."""
        folders = [self.workspace.path(name) for name in SPLIT_FOLDERS]
        if not all((folder / "test.json").is_file() for folder in folders):
            return None
        return write_digests(chain.from_iterable(map(digest_splits, folders)))

    @cached_property
    def test_digest(self) -> str | None:
        """SHA-256 over the packed test splits; None when they are not in this checkout."""
        folders = [self.workspace.path(name) for name in SPLIT_FOLDERS]
        parts = [folder / f"test{ending}" for folder in folders for ending in (".bin", ".json")]
        if not all(part.is_file() for part in parts):
            return None
        return sha256_bytes(canonical_json([sha256_file(part) for part in parts]))


def read_outputs(workspace: Workspace) -> PipelineOutputs:
    """Read the final outputs of a checkout.

    Raises:
        WorkspaceError: An output is missing or corrupt, or they come from different runs of the
            pipeline.
    """
    _require(workspace)
    training = read_json(final_weights(workspace).with_name("training.json"))
    models = tuple(_read_model(workspace, precision) for precision in PRECISIONS)
    outputs = PipelineOutputs(workspace, str(training.get("fingerprint", "")), models)
    _check_one_origin(outputs)
    return outputs


def final_weights(workspace: Workspace) -> Path:
    """Return where the weights lie that evaluate and export read."""
    return workspace.path("finetuned") / "weights.pt"


def model_path(workspace: Workspace, precision: str) -> Path:
    """Return where export puts the model file of a precision."""
    return workspace.path("exported") / f"model.{precision}.onnx"


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        WorkspaceError: The file is missing or corrupt.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WorkspaceError(f"{path} cannot be read: {error}. {_FIX}") from error
    if not isinstance(content, dict):
        raise WorkspaceError(f"{path} holds no JSON object. {_FIX}")
    return content


def _require(workspace: Workspace) -> None:
    """Refuse a pipeline that has not finished, naming what is missing."""
    reports = workspace.path("reports")
    needed = [
        final_weights(workspace),
        final_weights(workspace).with_name("training.json"),
        *(path for path in curve_files(workspace)),
        workspace.path("evaluated") / "threshold.json",
        workspace.path("evaluated") / "per_image.csv",
        reports / "metrics.json",
        *(model_path(workspace, precision) for precision in PRECISIONS),
        reports / "parity.json",
    ]
    missing = [path.relative_to(workspace.root).as_posix() for path in needed if not path.is_file()]
    if missing:
        raise WorkspaceError(
            f"The pipeline has not finished in {workspace.root}; missing: {', '.join(missing)}. "
            f"{_FIX}"
        )


def _read_model(workspace: Workspace, precision: str) -> ModelFile:
    path = model_path(workspace, precision)
    data = path.read_bytes()
    try:
        return ModelFile(precision, data, Segmenter.from_bytes(data).card)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from error


def _check_one_origin(outputs: PipelineOutputs) -> None:
    """Refuse models that were exported from another training or another operating point."""
    chosen = read_json(outputs.workspace.path("evaluated") / "threshold.json")
    point = OperatingPoint(chosen.get("threshold", math.nan), chosen.get("peak", math.nan))
    for model in outputs.models:
        if model.card.fingerprint != outputs.fingerprint:
            raise WorkspaceError(
                f"model.{model.precision}.onnx was made from training "
                f"{model.card.fingerprint[:12]}, but the trained weights are "
                f"{outputs.fingerprint[:12]}. Run: dvc repro"
            )
        if model.card.point != point:
            raise WorkspaceError(
                f"model.{model.precision}.onnx holds {model.card.point}, but evaluation chose "
                f"{point}. Run: dvc repro"
            )


def _numbers(content: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    numbers: dict[str, float] = {}
    for key, value in content.items():
        if isinstance(value, Mapping):
            numbers |= _numbers(value, f"{prefix}{key}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            numbers[f"{prefix}{key}"] = float(value)
    return numbers
