"""Recording the outputs of a checkout, once, however often it is asked for.

Used by the export stage, so that bare ``dvc repro`` records too, and by ``blemish sync`` for what
DVC restored instead of running or what vanished with a deleted store.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from blemish.config import Workspace
from blemish.errors import StoreError, WorkspaceError
from blemish.inference import Segmenter
from blemish.latency import measure_latency
from blemish.operating_point import OperatingPoint
from blemish.recording.git import commit_tags
from blemish.recording.pipeline_outputs import SPLIT_FOLDERS, PipelineOutputs, read_outputs
from blemish.recording.run_content import has_files, log_content, log_files, log_image_digests
from blemish.recording.runs import find_runs, open_by_fingerprint
from blemish.registry.aliases import set_aliases_of_new_version
from blemish.registry.derived import with_operating_point
from blemish.registry.registration import (
    ModelFile,
    ensure_registered_model,
    find_versions,
    register,
    restore,
)
from blemish.store.connection import Store, connect
from blemish.store.names import (
    DERIVED_FROM,
    DIGEST,
    LATENCY,
    PEAK,
    PRECISION,
    RUN_RECORD,
    SHA256,
    SIZE,
    TEST_DICE,
    TEST_DIGEST,
    TEST_IOU,
    THRESHOLD,
    VERSION_FINGERPRINT,
    VERSION_RECORD,
    WEIGHTS_DIGEST,
)

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SyncReport:
    """What recording did.

    Attributes:
        location: The store, fit for a person to read.
        run_id: Run of these outputs.
        fingerprint: Fingerprint of the training.
        record: SHA-256 over the outputs.
        new_run: Whether the run was made by this call, not by a training that watched itself.
        changed: Whether anything was written.
        versions: Version by precision.
        new_versions: Those registered by this call.
        aliases: Aliases that this call set, by version.
        restored: What the store had lost of these outputs and has again.
        not_recovered: What a store that was empty before cannot get back, if it replaces another.
    """

    location: str
    run_id: str
    fingerprint: str
    record: str
    new_run: bool
    changed: bool
    versions: Mapping[str, int]
    new_versions: tuple[int, ...] = ()
    aliases: Mapping[str, int] = field(default_factory=dict)
    restored: tuple[str, ...] = ()
    not_recovered: str | None = None


def record_workspace(workspace: Workspace) -> SyncReport:
    """Record the final outputs of a checkout: one run, a version for each precision, aliases.

    Args:
        workspace: The checkout.

    Raises:
        WorkspaceError: The outputs are missing, corrupt, or from different runs of the pipeline.
        StoreUnreachableError: The store does not answer.
    """
    outputs = read_outputs(workspace)
    store = connect(workspace)
    with store.writing():
        return _record(store, outputs)


def record_or_warn(workspace: Workspace) -> SyncReport | None:
    """Record as :func:`record_workspace` does; a store lost meanwhile is a warning, not a failure.

    For the export stage: its outputs are whole, whatever became of the store.
    """
    try:
        return record_workspace(workspace)
    except StoreError as error:
        _log.warning(
            "%s\nThe outputs are complete but not recorded. Record them: blemish sync", error
        )
        return None


def describe(report: SyncReport) -> list[str]:
    """Say in a few lines what recording did; ``blemish sync`` and the export stage print them."""
    named = ", ".join(f"{name} = version {number}" for name, number in report.versions.items())
    if not report.changed:
        return [f"Recorded already at {report.location}: run {report.run_id}, {named}."]
    if report.restored:
        return [f"Put back at {report.location}: {', '.join(report.restored)} ({named})."]
    lines = [f"Recorded at {report.location}: run {report.run_id}, {named}."]
    if report.aliases:
        aliases = ", ".join(f"{name} -> {number}" for name, number in report.aliases.items())
        lines.append(f"Aliases set: {aliases}.")
    if report.not_recovered:
        lines.append(report.not_recovered)
    return lines


def _record(store: Store, outputs: PipelineOutputs) -> SyncReport:
    ensure_registered_model(store)
    was_empty = not find_versions(store, {})
    closed = find_runs(store, RUN_RECORD, outputs.record)
    if closed:
        run_id, new_run = closed[0].info.run_id, False
    else:
        opened = open_by_fingerprint(store, outputs.workspace, outputs.fingerprint, outputs.params)
        run_id, new_run = opened.run_id, not opened.resumed
        log_content(store, run_id, outputs)
    restored = _restore(store, run_id, outputs)
    versions, new, aliases = _register_missing(store, outputs, run_id)
    if not closed:
        with store.calling("Closing the run") as client:
            client.set_tag(run_id, RUN_RECORD, outputs.record)
            client.set_terminated(run_id, "FINISHED")
    return SyncReport(
        location=str(store.location),
        run_id=run_id,
        fingerprint=outputs.fingerprint,
        record=outputs.record,
        new_run=new_run,
        changed=bool(not closed or new or restored),
        versions=versions,
        new_versions=new,
        aliases=aliases,
        restored=restored,
        not_recovered=_NOT_RECOVERED if was_empty and new_run else None,
    )


def _restore(store: Store, run_id: str, outputs: PipelineOutputs) -> tuple[str, ...]:
    """Put back what the store has lost of a closed run; return what that was."""
    restored = []
    if not has_files(store, run_id):
        log_files(store, run_id, outputs)
        restored.append("artifacts")
    if _same_data(store, run_id, outputs) and log_image_digests(store, run_id, outputs):
        restored.append("digests of images")
    for model in outputs.models:
        tags = {VERSION_RECORD: outputs.record, PRECISION: model.precision}
        restored += [
            f"version {found.version}"
            for found in find_versions(store, tags)
            if restore(store, found, _file_of(found, model))
        ]
    return tuple(restored)


def _file_of(found: "ModelVersion", model: ModelFile) -> ModelFile:
    """Return the file of a version: DVC's output, or that with the point a person chose."""
    if DERIVED_FROM not in found.tags:
        return model
    point = OperatingPoint(float(found.tags[THRESHOLD]), float(found.tags[PEAK]))
    derived = replace(model, data=with_operating_point(model.data, point))
    if derived.sha256 != found.tags.get(SHA256):
        raise WorkspaceError(
            f"Version {found.version} is derived from another file than model.{model.precision}"
            f".onnx (SHA-256 {derived.sha256[:12]}, registered "
            f"{found.tags.get('sha256', '')[:12]}). Its tags were edited: make ui"
        )
    return derived


def _same_data(store: Store, run_id: str, outputs: PipelineOutputs) -> bool:
    """Whether the packed splits at hand are those that a run was made from."""
    with store.calling("Reading a run") as client:
        tags = client.get_run(run_id).data.tags
    return all(
        name in outputs.digests and tags.get(f"{DIGEST}{name}") == outputs.digests[name]
        for name in SPLIT_FOLDERS
    )


_NOT_RECOVERED = (
    "The store was empty. If it replaces an earlier one, these cannot be recovered: older runs and "
    "versions, the history of aliases, and the times of this run (its curves come from "
    "reports/training.csv)."
)


def _register_missing(
    store: Store, outputs: PipelineOutputs, run_id: str
) -> tuple[dict[str, int], tuple[int, ...], dict[str, int]]:
    """Register what has no version yet; return versions by precision, the new ones, new aliases."""
    versions: dict[str, int] = {}
    for model in outputs.models:
        tags = {VERSION_RECORD: outputs.record, PRECISION: model.precision}
        found = [one for one in find_versions(store, tags) if DERIVED_FROM not in one.tags]
        if found:
            versions[model.precision] = min(int(one.version) for one in found)
    missing = [model for model in outputs.models if model.precision not in versions]
    if not missing:
        return versions, (), {}
    latency = measure_latency(
        {model.precision: Segmenter.from_bytes(model.data, threads=1) for model in outputs.models}
    )
    aliases: dict[str, int] = {}
    for model in missing:
        number = register(store, run_id, model, _tags(outputs, model, latency))
        versions[model.precision] = number
        aliases |= dict.fromkeys(set_aliases_of_new_version(store, model.precision, number), number)
    return versions, tuple(versions[model.precision] for model in missing), aliases


def _tags(
    outputs: PipelineOutputs, model: ModelFile, latency: Mapping[str, float]
) -> dict[str, str]:
    """Return the tags of a version: identity, lineage, headline metrics."""
    tags = {
        PRECISION: model.precision,
        SHA256: model.sha256,
        VERSION_FINGERPRINT: outputs.fingerprint,
        VERSION_RECORD: outputs.record,
        WEIGHTS_DIGEST: outputs.weights_sha256,
        THRESHOLD: repr(model.card.point.threshold),
        PEAK: repr(model.card.point.peak),
        SIZE: str(len(model.data)),
        LATENCY: f"{latency[model.precision]:.3f}",
        **commit_tags(outputs.workspace),
        **{f"{DIGEST}{name}": digest for name, digest in outputs.digests.items()},
        **{key: repr(value) for key, value in _headlines(outputs, model).items()},
    }
    if outputs.test_digest:
        tags[TEST_DIGEST] = outputs.test_digest
    return tags


def _headlines(outputs: PipelineOutputs, model: ModelFile) -> dict[str, float]:
    """Return Dice and IoU of a file: its own where export measured it, else its training's."""
    metrics = {}
    for name in (TEST_DICE, TEST_IOU):
        own = outputs.parity.get(f"{model.precision}.{name}", outputs.metrics.get(name))
        if own is not None:
            metrics[name] = own
    return metrics
