"""Files and folders that are whole or absent: atomic writes, digests, canonical JSON, CSV."""

import csv
import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_CHUNK = 1 << 20


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``target``; it takes the final name when the block succeeds.

    The bytes are on disk before the name appears, so a crash leaves the old file or none.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        dir=target.parent, prefix=f".{target.stem}.", suffix=f".tmp{target.suffix}"
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(target: Path, data: bytes) -> None:
    """Write ``data`` to ``target`` atomically."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(data)


def write_text(target: Path, text: str) -> None:
    """Write ``text`` to ``target`` atomically, as UTF-8 with the newlines given."""
    write_bytes(target, text.encode())


def write_json(target: Path, value: Any) -> None:
    """Write ``value`` to ``target`` atomically, as indented JSON in the given key order.

    Raises:
        ValueError: ``value`` holds NaN or an infinity.
    """
    write_text(target, json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def canonical_json(value: Any) -> bytes:
    """Return ``value`` as JSON with sorted keys and no spaces, for digests."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def csv_text(
    header: Sequence[str], rows: Iterable[Iterable[object]], quoting: int = csv.QUOTE_MINIMAL
) -> str:
    """Return a table as CSV with Unix line ends.

    Not by pandas: the server, which runs without it, writes such tables too.

    Args:
        header: Names of the columns.
        rows: Their values.
        quoting: Which values are quoted, one of ``csv.QUOTE_...``.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n", quoting=quoting)  # type: ignore[arg-type]  # the stub wants the literal
    table.writerow(header)
    table.writerows(rows)
    return text.getvalue()


def sha256_bytes(data: bytes) -> str:
    """Return the SHA-256 of ``data``, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_tree(path: Path) -> str:
    """Return one SHA-256 over a file, or over the relative names and bytes under a folder."""
    if path.is_file():
        return sha256_file(path)
    members = sorted(p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    listing = [(member.relative_to(path).as_posix(), sha256_file(member)) for member in members]
    return sha256_bytes(canonical_json(listing))


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``target`` that takes its name when the block succeeds.

    An existing ``target`` is replaced. When the block fails it is left as it was and the new
    folder is removed; after a ``kill -9`` the leftover ``.<name>.partial`` is removed by the next
    call. Two processes must not write the same target at once.

    Args:
        target: The folder to write.

    Yields:
        The folder to write into, on the same file system as ``target``.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    replaced = target.with_name(f".{target.name}.replaced.partial")
    for leftover in (partial, replaced):
        shutil.rmtree(leftover, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
        _flush(partial)
        if target.exists():
            target.rename(replaced)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(replaced, ignore_errors=True)


def _flush(folder: Path) -> None:
    """Have the names in a folder on disk before the folder takes its final name."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
