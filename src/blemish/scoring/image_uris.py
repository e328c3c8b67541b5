"""How an image is named in a job.

A local image is named by its absolute path; where that path is no UTF-8 by a ``file://`` URL, whose
percent signs give back the very bytes. Any other image is named by its URL.
"""

import os
import stat
from dataclasses import dataclass
from urllib.parse import quote_from_bytes, unquote_to_bytes

_FILE = "file://"


@dataclass(frozen=True, slots=True)
class Listed:
    """An image that SOURCE names."""

    uri: str
    size: int | None
    """Bytes; None where the listing does not say."""
    stamp: str | None
    """Changes when the file does: modification time in nanoseconds, or an object's etag."""


def to_uri(path: str) -> str:
    """Name an absolute local path."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return _FILE + quote_from_bytes(os.fsencode(path))
    return path


def to_path(uri: str) -> str | None:
    """Return the local path that a URI names; None when the image is elsewhere."""
    if uri.startswith(_FILE):
        return os.fsdecode(unquote_to_bytes(uri.removeprefix(_FILE)))
    return None if "://" in uri else uri


def stat_image(path: str) -> Listed:
    """Describe a local file; one that cannot be described is still listed, and fails when read."""
    uri = to_uri(path)
    try:
        found = os.stat(path)
    except OSError:
        return Listed(uri, None, None)
    if not stat.S_ISREG(found.st_mode):
        return Listed(uri, None, None)
    return Listed(uri, found.st_size, str(found.st_mtime_ns))
