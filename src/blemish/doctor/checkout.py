"""Checks of the installation and of the checkout: versions, params, outputs, caches, locks."""

import importlib.metadata
import json
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from blemish.config import Workspace, load_params
from blemish.doctor.findings import Examined, Finding, Skip
from blemish.doctor.integrity import Damage, damaged_cache_objects, damaged_outputs
from blemish.errors import BlemishError, WorkspaceError

_FREE_BYTES = 1 << 30
_STALE_S = 60.0
_FIX_LOCK = "git checkout -- dvc.lock || rm dvc.lock; make repro"


def environment(examined: Examined) -> Iterator[Finding]:
    """Check Python, programs, disk, and the versions that decide output bytes."""
    if sys.version_info < (3, 11):  # noqa: UP036 - an installation may be forced
        yield Finding(f"Python is {sys.version.split()[0]}; needed is 3.11 or newer", "make setup")
    root = examined.workspace.root if examined.workspace else Path.cwd()
    free = shutil.disk_usage(root).free
    if free < _FREE_BYTES:
        yield Finding(f"{free / 1e9:.1f} GB are free at {root}; needed is 1", "dvc gc --workspace")
    if examined.workspace is None:
        return
    if shutil.which("git") is None:
        yield Finding("git is not on the path", "apt-get install git")
    yield from _versions(examined.workspace.root / "deploy" / "locks" / "numerics.txt")


def params(examined: Examined) -> Iterator[Finding]:
    """Check that ``params.yaml`` is accepted."""
    try:
        load_params(examined.checkout.params_file)
    except BlemishError as error:
        yield Finding(str(error), "git diff -- params.yaml")


def lock(examined: Examined) -> Iterator[Finding]:
    """Check that ``dvc.lock`` is whole: DVC does not write it atomically."""
    path = examined.checkout.root / "dvc.lock"
    if not path.exists():
        raise Skip("nothing has run yet; run: make repro")
    try:
        stages = examined.checkout.lock().get("stages")
    except WorkspaceError as error:
        yield Finding(str(error).removesuffix(" Run: blemish doctor"), _FIX_LOCK)
        return
    defined = examined.checkout.pipeline()["stages"]
    makes = {name for name, stage in defined.items() if stage.get("outs")}
    if (
        not isinstance(stages, dict)
        or not path.read_bytes().endswith(b"\n")
        or not all(_is_whole(stage, outs=name in makes) for name, stage in stages.items())
    ):
        yield Finding(f"{path} is corrupt: the entry of a stage is cut off", _FIX_LOCK)


def outputs(examined: Examined) -> Iterator[Finding]:
    """Check the bytes of every output against ``dvc.lock``."""
    if any(lock(examined)):
        raise Skip("dvc.lock is corrupt")
    yield from _fix(examined.checkout, damaged_outputs(examined.checkout))


def cache(examined: Examined) -> Iterator[Finding]:
    """Check the bytes of every object in DVC's cache against its name."""
    yield from _fix(examined.checkout, damaged_cache_objects(examined.checkout))


def locks(examined: Examined) -> Iterator[Finding]:
    """Check for lock files that a killed program left and that stop the next one."""
    main = examined.checkout.main
    index = main / ".git" / "index.lock"
    if index.is_file() and time.time() - index.stat().st_mtime > _STALE_S:
        yield Finding(f"{index.relative_to(main)} was left behind and stops git", f"rm {index}")
    readers = examined.checkout.root / ".dvc" / "tmp" / "rwlock"
    if readers.is_file():
        try:
            json.loads(readers.read_text(encoding="utf-8") or "{}")
        except ValueError:
            yield Finding(".dvc/tmp/rwlock is corrupt and stops DVC", f"rm {readers}")


def _versions(pins: Path) -> Iterator[Finding]:
    lines = pins.read_text(encoding="utf-8").splitlines() if pins.is_file() else []
    for line in lines:
        name, pinned, wanted = line.partition("==")
        if not pinned or line.startswith("#"):
            continue
        try:
            found = importlib.metadata.version(name).partition("+")[0]
        except importlib.metadata.PackageNotFoundError:
            continue  # a host that only serves has no torch
        if found != wanted.strip():
            yield Finding(f"{name} is {found}; outputs are made with {wanted}", "make setup")


def _is_whole(stage: object, *, outs: bool) -> bool:
    """Whether an entry has its command and, for every output, a path and a digest.

    Args:
        stage: The entry.
        outs: Whether the stage has outputs, which DVC writes last; an entry cut before them is
            one that DVC still reads.
    """
    if not isinstance(stage, dict) or "cmd" not in stage or (outs and not stage.get("outs")):
        return False
    entries = stage.get("outs") or []
    return isinstance(entries, list) and all(
        isinstance(entry, dict) and "path" in entry and "md5" in entry for entry in entries
    )


def _fix(workspace: Workspace, damages: Iterable[Damage]) -> Iterator[Finding]:
    """Name what to remove, so that DVC makes it anew instead of trusting size and time."""
    for damage in damages:
        try:
            name = damage.path.relative_to(workspace.root)
        except ValueError:  # a cache outside the checkout
            name = damage.path
        fix = "make repro" if damage.missing else f"rm -rf {name} && make repro"
        yield Finding(damage.what, fix)
