"""Listing URLs page by page: an object store may hold more names than fit in memory."""

import re
from collections.abc import Iterator
from typing import Any

from fsspec.utils import glob_translate

from blemish.errors import SourceError
from blemish.scoring.image_uris import Listed
from blemish.scoring.job_folder import open_filesystem, remote_faults

_PAGE = 1_000  # names; the most that S3 gives at a time
_MAGIC = re.compile(r"[*?\[]")


def list_remote(source: str, suffixes: tuple[str, ...]) -> Iterator[Listed]:
    """Yield the images that a URL names: an object, a prefix, or a glob.

    Args:
        source: The URL.
        suffixes: Endings of the images below a prefix.

    Raises:
        SourceError: Its package is missing, nothing is there, or it may not be read.
    """
    filesystem, path = open_filesystem(source)
    scheme = source.partition("://")[0]
    wanted = re.compile(glob_translate(path)) if (magic := _MAGIC.search(path)) else None
    prefix = path[: magic.start()] if magic else path.rstrip("/")
    found = False
    try:
        with remote_faults():
            for name, size, stamp in _objects(filesystem, prefix, whole=magic is None):
                if not (wanted.match(name) if wanted else _is_wanted(name, prefix, suffixes)):
                    continue
                found = True
                yield Listed(name if "://" in name else f"{scheme}://{name}", size, stamp)
    except OSError as error:
        raise SourceError(f"Cannot list SOURCE {source}: {error}.") from error
    if not found:
        raise SourceError(f"SOURCE {source} names no image.")


def _is_wanted(name: str, prefix: str, suffixes: tuple[str, ...]) -> bool:
    """Take the object itself, or the visible images below the prefix."""
    if name == prefix:
        return True
    below = name.removeprefix(prefix)
    hidden = "/." in below
    return below.startswith("/") and not hidden and name.lower().endswith(suffixes)


def _objects(
    filesystem: Any, prefix: str, *, whole: bool
) -> Iterator[tuple[str, int | None, str | None]]:
    """Yield name, size and stamp of what lies at or below a prefix."""
    protocols = filesystem.protocol
    if "s3" in ({protocols} if isinstance(protocols, str) else protocols):
        yield from _s3_objects(filesystem, prefix)
        return
    if whole and filesystem.isfile(prefix):
        yield _described(filesystem.info(prefix))
        return
    root = prefix if whole else prefix.rpartition("/")[0]
    for _, _, files in filesystem.walk(root, detail=True):
        for entry in files.values():
            yield _described(entry)


def _described(entry: dict[str, Any]) -> tuple[str, int | None, str | None]:
    stamps = (entry.get(key) for key in ("ETag", "etag", "mtime", "LastModified", "created"))
    stamp = next((str(value) for value in stamps if value is not None), None)
    return str(entry["name"]).lstrip("/"), entry.get("size"), stamp


def _s3_objects(filesystem: Any, prefix: str) -> Iterator[tuple[str, int, str]]:
    """Ask for a page of names at a time; ``find`` would keep all of them."""
    bucket, _, key = prefix.partition("/")
    token: dict[str, str] = {}
    while True:
        page = filesystem.call_s3(
            "list_objects_v2", Bucket=bucket, Prefix=key, MaxKeys=_PAGE, **token
        )
        for item in page.get("Contents", ()):
            yield f"{bucket}/{item['Key']}", item["Size"], item["ETag"].strip('"')
        if not page.get("IsTruncated"):
            return
        token = {"ContinuationToken": page["NextContinuationToken"]}
