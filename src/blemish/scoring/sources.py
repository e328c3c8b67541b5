"""What SOURCE names, as a stream: files, folders, globs, manifests and URLs."""

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from blemish.errors import SourceError
from blemish.scoring.image_uris import Listed, stat_image, to_path
from blemish.scoring.job_folder import JobFolder
from blemish.scoring.manifests import is_manifest, read_manifest
from blemish.scoring.remote_listing import list_remote

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
"""Which files of a folder are images; a file, a glob or a manifest names any."""


@dataclass
class ListingNotes:
    """What a listing left out: nothing is left out in silence."""

    unreadable_folders: list[str] = field(default_factory=list)


class Sources:
    """The images that all of SOURCE names, in no order, perhaps some of them twice.

    Args:
        sources: Paths, globs, manifests and URLs, as the user wrote them.
        skipped: The output folder, whose own images are no input.
    """

    def __init__(self, sources: Sequence[str], skipped: JobFolder) -> None:
        self.sources = tuple(sources)
        self._skipped = skipped
        self.notes = ListingNotes()

    def __iter__(self) -> Iterator[Listed]:
        self.notes = ListingNotes()
        for source in self.sources:
            yield from self._list(source)

    def _list(self, source: str) -> Iterator[Listed]:
        local = to_path(source)
        if is_manifest(source):
            for uri in read_manifest(source):
                path = to_path(uri)
                yield Listed(uri, None, None) if path is None else stat_image(path)
        elif local is None:
            yield from list_remote(source, SUFFIXES)
        elif os.path.lexists(local):
            yield from self._list_path(local)
        elif glob.has_magic(local):
            for match in glob.iglob(local, recursive=True):
                yield from self._list_path(match)
        else:
            raise SourceError(
                f"SOURCE {source} does not exist. Accepted are files, folders, globs, a CSV or "
                "Parquet manifest with a column 'uri', and URLs such as s3://BUCKET/PREFIX."
            )

    def _list_path(self, path: str) -> Iterator[Listed]:
        absolute = os.path.abspath(path)
        if not os.path.isdir(absolute):
            yield stat_image(absolute)
            return
        try:
            os.scandir(absolute).close()
        except OSError as error:
            raise SourceError(f"Cannot list SOURCE {path}: {error.strerror}.") from error
        yield from self._walk(absolute)

    def _walk(self, root: str) -> Iterator[Listed]:
        """Yield the images below a folder, but for hidden ones, without keeping their names.

        Links to folders are followed when all other folders are through, each folder once: a loop
        ends, and a folder that can be reached without a link has its own name.
        """
        folders, links = [root], list[str]()
        seen: set[tuple[int, int]] = set()
        while folders or links:
            if not folders:
                links.sort(reverse=True)
                folders.append(links.pop())
            folder = folders.pop()
            try:
                found = os.stat(folder)
                entries = os.scandir(folder)
            except OSError:
                self.notes.unreadable_folders.append(folder)
                continue
            with entries:
                if (found.st_dev, found.st_ino) in seen:
                    continue
                seen.add((found.st_dev, found.st_ino))
                for entry in entries:
                    if entry.name.startswith(".") or self._skipped.contains(entry.path):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    elif entry.is_symlink() and os.path.isdir(entry.path):
                        links.append(entry.path)
                    elif entry.name.lower().endswith(SUFFIXES):
                        yield stat_image(entry.path)
