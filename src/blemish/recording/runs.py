"""Runs in MLflow: found by content, opened once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blemish.config import Workspace
from blemish.recording.git import commit_tags
from blemish.store.connection import Store
from blemish.store.names import RUN_FINGERPRINT, RUN_RECORD
from blemish.store.run_params import read_param

if TYPE_CHECKING:
    from mlflow.entities import Metric, Run

# MLflow's limits of one batch.
_PARAMS_AT_ONCE = 100
_METRICS_AT_ONCE = 1000


@dataclass(frozen=True)
class OpenRun:
    """A run to write to.

    Attributes:
        run_id: MLflow's id.
        resumed: Whether it was there before.
    """

    run_id: str
    resumed: bool


def open_by_fingerprint(
    store: Store, workspace: Workspace, fingerprint: str, params: Mapping[str, str]
) -> OpenRun:
    """Return the run of this fingerprint that is not closed yet, or a new one, with its params.

    A run whose params say otherwise is left alone: params of a run never change.

    Args:
        store: Where; the caller holds its lock.
        workspace: The checkout, for the commit.
        fingerprint: Fingerprint of the training.
        params: Flat params to log.
    """
    for run in find_runs(store, RUN_FINGERPRINT, fingerprint):
        if RUN_RECORD not in run.data.tags and _agree(run.data.params, params):
            _log_params(store, run.info.run_id, _missing(run.data.params, params))
            with store.calling("Reopening a run") as client:
                client.update_run(run.info.run_id, status="RUNNING")
            return OpenRun(run.info.run_id, resumed=True)
    tags = {RUN_FINGERPRINT: fingerprint} | commit_tags(workspace)
    with store.calling("Opening a run") as client:
        run = client.create_run(store.experiment(), tags=tags, run_name=_name(fingerprint))
    _log_params(store, run.info.run_id, params)
    return OpenRun(run.info.run_id, resumed=False)


def find_runs(store: Store, tag: str, value: str) -> "list[Run]":
    """Return the runs that carry a tag, newest first; one page, for few carry one digest."""
    experiment = store.experiment()
    with store.calling("Searching runs") as client:
        found = client.search_runs(
            [experiment], f"tags.`{tag}` = '{value}'", order_by=["attributes.start_time DESC"]
        )
        return list(found)


def logged_steps(store: Store, run_id: str, metric: str) -> frozenset[int]:
    """Return the steps at which a run has a metric."""
    with store.calling("Reading curves") as client:
        return frozenset(point.step for point in client.get_metric_history(run_id, metric))


def log_metrics(store: Store, run_id: str, points: "Sequence[Metric]", *, doing: str) -> None:
    """Write any number of metrics, in batches that MLflow takes.

    Args:
        store: Where.
        run_id: The run.
        points: The metrics.
        doing: What this is for, for the sentence where the store fails.
    """
    with store.calling(doing) as client:
        for start in range(0, len(points), _METRICS_AT_ONCE):
            client.log_batch(run_id, metrics=points[start : start + _METRICS_AT_ONCE])


def _agree(logged: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(_same(logged[key], value) for key, value in wanted.items() if key in logged)


def _same(one: str, other: str) -> bool:
    """Whether two texts are one value: YAML readers differ on whether ``1e-4`` is a number."""
    if one == other or read_param(one) == read_param(other):
        return True
    try:
        return float(one) == float(other)
    except ValueError:
        return False


def _missing(logged: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in wanted.items() if key not in logged}


def _log_params(store: Store, run_id: str, params: Mapping[str, str]) -> None:
    from mlflow.entities import Param  # noqa: PLC0415 - the store has imported MLflow by now

    entries = [Param(key, value) for key, value in params.items()]
    with store.calling("Recording params") as client:
        for start in range(0, len(entries), _PARAMS_AT_ONCE):
            client.log_batch(run_id, params=entries[start : start + _PARAMS_AT_ONCE])


def _name(fingerprint: str) -> str:
    return f"training {fingerprint[:12]}"
