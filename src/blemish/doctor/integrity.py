"""Whether the bytes on disk are those that ``dvc.lock`` and DVC's cache names promise.

``dvc status`` trusts size and time of a file, and ``dvc checkout`` hands out a damaged cache object
without a word; these look at the bytes.
"""

import configparser
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from blemish.config import Workspace
from blemish.recording.dvc_files import locked_outputs, md5_file, md5_of

_NAMED = 5
"""Members of a damaged folder that are named."""


@dataclass(frozen=True)
class Damage:
    """Something whose bytes are not the promised ones.

    Attributes:
        path: The output or cache object.
        what: What is wrong with it.
        missing: Whether it is not there at all.
    """

    path: Path
    what: str
    missing: bool = False


def damaged_outputs(workspace: Workspace) -> Iterator[Damage]:
    """Yield the outputs of the pipeline that are missing or differ from ``dvc.lock``.

    Raises:
        WorkspaceError: ``dvc.lock`` is corrupt.
    """
    for name, promised in locked_outputs(workspace).items():
        path = workspace.root / name
        if not path.exists():
            yield Damage(path, f"{name} is in dvc.lock and not on disk", missing=True)
        elif md5_of(path) != promised:
            yield Damage(path, f"{name} differs from dvc.lock{_which(workspace, path, promised)}")


def damaged_cache_objects(workspace: Workspace) -> Iterator[Damage]:
    """Yield the objects in DVC's cache whose bytes do not have the MD5 that is their name."""
    for path in sorted(_cache(workspace).glob("[0-9a-f][0-9a-f]/*")):
        promised = path.parent.name + path.name.removesuffix(".dir")
        if len(promised) == 32 and path.is_file() and md5_file(path) != promised:
            yield Damage(path, f"cache object {promised} holds other bytes")


def _which(workspace: Workspace, path: Path, promised: str) -> str:
    """Name the members of a folder that differ, where the cache still lists them."""
    listing = _cache(workspace) / promised[:2] / promised[2:]
    if not path.is_dir() or not listing.is_file() or f"{md5_file(listing)}.dir" != promised:
        return ""
    expected = {
        entry["relpath"]: entry["md5"] for entry in json.loads(listing.read_text(encoding="utf-8"))
    }
    found = {p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file()}
    wrong = sorted(found ^ expected.keys()) + sorted(
        name for name in found & expected.keys() if md5_file(path / name) != expected[name]
    )
    more = f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
    return f": {', '.join(wrong[:_NAMED])}{more}"


def _cache(workspace: Workspace) -> Path:
    """Return the folder of MD5 objects, where ``.dvc/config`` or its local twin puts it."""
    folder = workspace.root / ".dvc"
    config = configparser.ConfigParser()
    config.read([folder / "config", folder / "config.local"], encoding="utf-8")
    named = config.get("cache", "dir", fallback="cache")
    return folder / named / "files" / "md5"
