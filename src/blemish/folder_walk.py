"""The files below a folder, and every one that is left out, with the reason."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from blemish.terminal_text import printable

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
"""Endings of files that are taken for images, in lower case; the gate looks at their bytes."""

_STORAGE_FOLDERS = frozenset(
    {
        "@eadir",  # Synology: thumbnails beside each image
        "#recycle",
        "#snapshot",
        "$recycle.bin",
        "__macosx",  # resource forks of a ZIP packed on a Mac
        "system volume information",
        "lost+found",
    }
)
_STORAGE_FILES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini"})

HIDDEN = "hidden"
STORAGE = "thumbnails and other files of a storage system"
BROKEN_LINK = "a link that leads nowhere"
READ_ALREADY = "a link to a folder that is read already"


@dataclass(frozen=True)
class LeftOut:
    """A file or folder that is not read, by its path inside the folder, and why."""

    file: str
    reason: str


@dataclass(frozen=True)
class Walk:
    """What lies below a folder; paths are inside it."""

    files: tuple[PurePosixPath, ...]
    """Sorted."""
    left_out: tuple[LeftOut, ...]
    unreadable: tuple[LeftOut, ...]
    """Folders that could not be listed."""


def walk_folder(root: Path, skip: Path | None = None) -> Walk:
    """Find all files below a folder; links to folders are followed, each folder is read once.

    Args:
        root: The folder.
        skip: A folder that is not entered, such as the one that is being written.
    """
    walker = _Walker(root, skip)
    files = sorted(walker.walk(PurePosixPath(), root))
    return Walk(tuple(files), tuple(walker.left_out), tuple(walker.unreadable))


class _Walker:
    def __init__(self, root: Path, skip: Path | None) -> None:
        self.left_out: list[LeftOut] = []
        self.unreadable: list[LeftOut] = []
        self._links: list[tuple[PurePosixPath, Path]] = []
        self._seen = {_identity(root)} | ({_identity(skip)} if skip and skip.exists() else set())

    def walk(self, inside: PurePosixPath, folder: Path) -> Iterator[PurePosixPath]:
        """Yield the files of all real folders, then of those that links lead to."""
        yield from self._list(inside, folder)
        while self._links:
            linked, target = self._links.pop(0)
            if self._enter(target):
                yield from self._list(linked, target)
            else:
                self.left_out.append(LeftOut(printable(linked), READ_ALREADY))

    def _list(self, inside: PurePosixPath, folder: Path) -> Iterator[PurePosixPath]:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            name = printable(inside)
            self.unreadable.append(LeftOut(name, f"cannot be read: {error.strerror}"))
            return
        for entry in entries:
            path = inside / entry.name
            reason = _reason(entry)
            if reason:
                self.left_out.append(LeftOut(printable(path), reason))
            elif not entry.is_dir():
                yield path
            elif entry.is_symlink():
                self._links.append((path, Path(entry.path)))
            elif self._enter(Path(entry.path)):
                yield from self._list(path, Path(entry.path))

    def _enter(self, folder: Path) -> bool:
        """Say whether a folder is met for the first time."""
        identity = _identity(folder)
        new = identity not in self._seen
        self._seen.add(identity)
        return new


def _reason(entry: os.DirEntry[str]) -> str | None:
    """Return why an entry is left out; None when it is not."""
    name = entry.name.lower()
    if name in _STORAGE_FILES or (name in _STORAGE_FOLDERS and entry.is_dir()):
        return STORAGE
    if name.startswith("."):
        return HIDDEN
    return None if entry.is_dir() or entry.is_file() else BROKEN_LINK


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino
