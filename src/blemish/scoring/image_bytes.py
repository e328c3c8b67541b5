"""The bytes of images, read ahead of the processor: an object store answers late, not slowly."""

import os
import stat
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Any

from blemish.errors import ImageSizeError
from blemish.scoring.image_uris import Listed, to_path
from blemish.scoring.job_folder import open_filesystem, remote_faults

_READERS = 8  # requests that one process has under way
_AHEAD_IMAGES, _AHEAD_BYTES = 32, 64 << 20
_UNKNOWN_SIZE = 4 << 20  # bytes to reckon with where the listing did not say


class ImageReader:
    """Reads images in order, some of them in advance.

    Args:
        megabytes: The largest file to read.
    """

    def __init__(self, megabytes: int) -> None:
        self._limit = megabytes * 1_000_000
        self._threads = ThreadPoolExecutor(_READERS, thread_name_prefix="read-ahead")

    def read_all(self, entries: Sequence[Listed]) -> Iterator[tuple[Listed, "Future[bytes]"]]:
        """Yield each image with its bytes to come; at most 32 images or 64 MB wait.

        The future raises ``OSError`` where the file cannot be read, and ``ImageSizeError`` where it
        is larger than the limit.
        """
        waiting: deque[tuple[Listed, Future[bytes]]] = deque()
        ahead = 0
        for entry in entries:
            while waiting and (
                len(waiting) >= _AHEAD_IMAGES or ahead + _weight(entry) > _AHEAD_BYTES
            ):
                ahead -= _weight(waiting[0][0])
                yield waiting.popleft()
            ahead += _weight(entry)
            waiting.append((entry, self._threads.submit(self._read, entry)))
        yield from waiting

    def _read(self, entry: Listed) -> bytes:
        path = to_path(entry.uri)
        return self._read_remote(entry) if path is None else self._read_local(path)

    def _read_local(self, path: str) -> bytes:
        # Opening a named pipe would otherwise wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise OSError("it is no regular file")
            self._check(found.st_size)
            return stream.read()

    def _read_remote(self, entry: Listed) -> bytes:
        scheme = entry.uri.partition("://")[0]
        with remote_faults():
            filesystem = _filesystem(scheme)
            size = entry.size if entry.size is not None else filesystem.info(entry.uri)["size"]
            self._check(size or 0)
            data: bytes = filesystem.cat_file(entry.uri)
        return data

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise ImageSizeError(
                f"The image has {size / 1e6:.1f} MB; at most {self._limit // 1_000_000} MB are "
                "accepted."
            )


def _weight(entry: Listed) -> int:
    return _UNKNOWN_SIZE if entry.size is None else entry.size


@lru_cache(maxsize=8)
def _filesystem(scheme: str) -> Any:
    return open_filesystem(f"{scheme}://")[0]
