"""What the registry asks of MLflow, in as few calls as pages."""

from contextlib import suppress
from typing import TYPE_CHECKING

from blemish.errors import NotFoundError
from blemish.registry.version import Version
from blemish.store.connection import Store
from blemish.store.names import MODEL, RUN_FINGERPRINT, RUN_RECORD, VERSION_RECORD

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

_NEWEST_FIRST = ["version_number DESC"]


def all_versions(store: Store) -> tuple[Version, ...]:
    """Return every version with its aliases and its run's metrics, newest first."""
    found: list[ModelVersion] = []
    token = None
    with store.calling("Reading versions") as client:
        while True:
            page = client.search_model_versions(
                f"name = '{MODEL}'", order_by=_NEWEST_FIRST, page_token=token
            )
            found += page
            token = page.token
            if not token:
                break
    if not found:
        return ()
    names, runs = read_aliases(store), _recorded_runs(store)
    by_record = {run.data.tags.get(RUN_RECORD): run for run in runs.values()}
    return tuple(
        Version.from_mlflow(
            entry,
            runs.get(entry.run_id or "") or by_record.get(entry.tags.get(VERSION_RECORD, "")),
            [alias for alias, number in names.items() if number == int(entry.version)],
        )
        for entry in found
    )


def newest_version(store: Store) -> int:
    """Return the highest number there is; 0 where there is no version."""
    with store.calling("Reading versions") as client:
        page = client.search_model_versions(
            f"name = '{MODEL}'", order_by=_NEWEST_FIRST, max_results=1
        )
        return int(page[0].version) if page else 0


def find_run(store: Store, found: "ModelVersion") -> "Run | None":
    """Return the run of a version: its own, else the one that was recorded again in its place.

    A run may be deleted and collected (``mlflow gc``) while its version lives on.
    """
    with suppress(NotFoundError), store.calling("Reading a run") as client:
        if found.run_id:
            return client.get_run(found.run_id)
    record = found.tags.get(VERSION_RECORD, "")
    if not record.isalnum():
        return None
    with store.calling("Searching runs") as client:
        runs = client.search_runs([store.experiment()], f"tags.`{RUN_RECORD}` = '{record}'")
        return next(iter(runs), None)


def read_aliases(store: Store) -> dict[str, int]:
    """Return alias to number of the version it names.

    Raises:
        NotFoundError: There is no registered model yet.
    """
    with store.calling("Reading aliases") as client:
        model = client.get_registered_model(MODEL)
        return {alias: int(number) for alias, number in sorted(model.aliases.items())}


def _recorded_runs(store: Store) -> "dict[str, Run]":
    experiment = store.experiment()
    runs: dict[str, Run] = {}
    token = None
    with store.calling("Reading runs") as client:
        while True:
            page = client.search_runs(
                [experiment], f"tags.`{RUN_FINGERPRINT}` LIKE '%'", page_token=token
            )
            runs |= {run.info.run_id: run for run in page}
            token = page.token
            if not token:
                return runs
