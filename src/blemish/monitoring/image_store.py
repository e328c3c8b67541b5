"""The logged images: files named by the SHA-256 of their bytes, each once."""

import os
import re
import time
from pathlib import Path

_NAME = re.compile(r"[0-9a-f]{64}")
_LOOKS = 50  # times that the size is looked at while as much as is allowed comes in


class ImageStore:
    """Images in two levels of folders; as old as the last time their image was seen.

    Args:
        folder: Folder of the images; made when the first one comes.
        megabytes: What all of them may take, in 10^6 bytes; None sets no bound. Each process that
            keeps images may exceed it by a fiftieth until it looks again.
    """

    def __init__(self, folder: Path, *, megabytes: float | None = None) -> None:
        self.folder = folder
        self._megabytes = megabytes
        self._added = float("inf")  # bytes since the last look; the first image looks at once

    def put(self, sha256: str, data: bytes) -> None:
        """Keep an image, or note that a kept one was seen again.

        Raises:
            OSError: The disk took no file.
            ValueError: ``sha256`` is not 64 hexadecimal digits.
        """
        path = self._path(sha256)
        if path.exists():
            os.utime(path)
            return
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            temporary.write_bytes(data)
        except FileNotFoundError:  # the first of its folder
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(data)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        temporary.replace(path)
        self._added += len(data)
        if self._megabytes is not None and self._added > self._megabytes * 1e6 / _LOOKS:
            self._added = 0
            self.prune(days=float("inf"), megabytes=self._megabytes)

    def get(self, sha256: str) -> bytes | None:
        """Return the bytes of an image; None when it was never kept or is pruned."""
        try:
            return self._path(sha256).read_bytes()
        except FileNotFoundError:
            return None

    def prune(self, *, days: float, megabytes: float, now: float | None = None) -> tuple[int, int]:
        """Delete images not seen for some days, then the oldest beyond a size.

        Args:
            days: Age at which an image goes.
            megabytes: What all of them may take, in 10^6 bytes.
            now: Seconds since 1970; the clock's by default.

        Returns:
            How many images and how many bytes went.
        """
        oldest = (time.time() if now is None else now) - days * 86_400
        kept, gone, freed = 0.0, 0, 0
        for age, size, path in sorted(self._files(), reverse=True):
            kept += size
            if age < oldest or kept > megabytes * 1e6:
                path.unlink(missing_ok=True)
                gone, freed, kept = gone + 1, freed + size, kept - size
        return gone, freed

    def _files(self) -> list[tuple[float, int, Path]]:
        """Return time, size and path of every image, left-over temporary files included."""
        found = []
        for path in self.folder.glob("??/*"):
            try:
                status = path.stat()
            except FileNotFoundError:  # another process deleted it just now
                continue
            found.append((status.st_mtime, status.st_size, path))
        return found

    def _path(self, sha256: str) -> Path:
        if not _NAME.fullmatch(sha256):
            raise ValueError(f"{sha256!r} is no SHA-256; expected 64 hexadecimal digits.")
        return self.folder / sha256[:2] / sha256
