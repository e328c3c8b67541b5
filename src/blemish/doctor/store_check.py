"""Checks of the store and the registry: does it answer, is it whole, is the champion sound."""

from collections.abc import Iterator
from pathlib import Path

from blemish.doctor.findings import Examined, Finding, Skip
from blemish.errors import ModelFileError, NotFoundError, StoreError
from blemish.files import sha256_file
from blemish.model_trial import try_model
from blemish.recording.pipeline_outputs import model_path
from blemish.registry import ModelCache, Registry, Version
from blemish.store.connection import PATIENCE_S
from blemish.store.names import CHAMPION, DERIVED_FROM
from blemish.store.sqlite_file import diagnose


def store(examined: Examined) -> Iterator[Finding]:
    """Check that the store answers, that its database is whole and its artifacts are here."""
    place = examined.registry.store
    database = place.location.database
    if database is not None:
        found = diagnose(database, PATIENCE_S, thorough=True)
        if found.problem:
            yield Finding(found.problem, found.advice)
            return
    try:
        place.check()
    except StoreError as error:
        yield Finding(str(error), "make ui" if database is None else "blemish doctor")
        return
    if database is None or place.is_empty():
        return
    try:
        yield from _artifacts(examined.registry)
    except StoreError as error:
        outdated = "out-of-date database schema" in str(error)
        upgrade = f"mlflow db upgrade {place.location.uri}"
        yield Finding(str(error), upgrade if outdated else _start_anew(database))


def registry(examined: Examined) -> Iterator[Finding]:
    """Check that there is a champion, and that what each alias names is sound in the store."""
    catalogue = examined.registry
    try:
        names = catalogue.aliases()
        if CHAMPION not in names:
            yield _no_champion(catalogue)
        for number in sorted(set(names.values())):
            yield from _version(examined, number)
        for fault in catalogue.faults():
            lost = fault.endswith("blemish sync")
            edited = "correct or delete that tag in the MLflow UI: make ui"
            yield Finding(fault, "blemish sync" if lost else edited)
    except StoreError as error:
        raise Skip(f"the store does not answer: {error}") from error


def model_cache(examined: Examined) -> Iterator[Finding]:
    """Check the model files that this host keeps."""
    del examined
    for path in ModelCache().damaged():
        yield Finding(f"{path} does not have the SHA-256 that is its name", f"rm {path}")


def _no_champion(catalogue: Registry) -> Finding:
    if catalogue.versions():
        return Finding(
            f"No version has alias {CHAMPION!r} at {catalogue.location}",
            "blemish promote candidate",
        )
    return Finding(f"{catalogue.location} holds no version yet", "make repro")


def _version(examined: Examined, number: int) -> Iterator[Finding]:
    """Look at the file in the store itself: a good copy in the cache must not hide a bad one."""
    catalogue = examined.registry
    version = catalogue.resolve(number)
    try:
        try_model(catalogue.stored_bytes(version))
    except (ModelFileError, NotFoundError) as error:
        problem = f"Version {number} ({', '.join(version.aliases)}): {error}"
        yield Finding(problem, _fix_version(examined, version))


def _fix_version(examined: Examined, version: Version) -> str:
    """Put the file back where this checkout has it; else leave the broken champion."""
    if examined.workspace:
        path = model_path(examined.workspace, version.precision or "fp32")
        if path.is_file() and sha256_file(path) == version.sha256:
            return "blemish sync"
    if DERIVED_FROM in version.tags:
        return "blemish sync"
    return "blemish rollback" if CHAMPION in version.aliases else "make repro"


def _start_anew(database: Path) -> str:
    return f"mv {database} {database}.moved && blemish sync"


def _artifacts(catalogue: Registry) -> Iterator[Finding]:
    """Check that the artifacts lie where the database, by absolute path, says."""
    wanted = catalogue.store.location.artifacts
    if wanted is None:
        return
    found = catalogue.store.artifact_location()
    if found is not None and found != wanted:
        database = catalogue.store.location.database
        yield Finding(
            f"The database keeps artifacts at {found}, but the checkout is at {wanted}: it was "
            "moved or copied",
            _start_anew(database) if database else "blemish sync",
        )
