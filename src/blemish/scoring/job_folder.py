"""The folder of a job, on a disk or in an object store, in which every file is whole or absent."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import fsspec
from filelock import FileLock, Timeout
from fsspec.implementations.local import LocalFileSystem

from blemish.errors import BlemishError, ScoringError, SourceError

_PARTIAL = ".partial"
_LOCK = ".lock"
_OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az"})
"""Where one request makes an object appear whole."""


def open_filesystem(url: str) -> tuple[Any, str]:
    """Return the filesystem of a URL or path, and the path within it.

    Raises:
        SourceError: No installed package reads this kind of URL.
    """
    try:
        filesystem, path = fsspec.core.url_to_fs(url, use_listings_cache=False)
    except OSError as error:
        raise SourceError(f"{url} does not answer: {error}.") from error
    except (ImportError, ValueError) as error:
        scheme = url.partition("://")[0]
        advice = "pip install 's3fs'" if scheme in {"s3", "s3a"} else "see fsspec's documentation"
        raise SourceError(
            f"Nothing installed reads {scheme}:// ({error}). Install its package: {advice}"
        ) from error
    return filesystem, str(path)


@contextmanager
def remote_faults() -> Iterator[None]:
    """Turn the faults of a filesystem package into ``OSError``.

    Raises:
        OSError: Any fault: each package raises its own library's errors, which share no base.
    """
    try:
        yield
    except (OSError, BlemishError):
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


class JobFolder:
    """A job's output folder; can be pickled, so that each worker opens it by itself.

    Args:
        url: A local path, or the URL of an object store.

    Raises:
        SourceError: The URL is of a kind on which files do not appear whole.
    """

    def __init__(self, url: str) -> None:
        scheme, remote, _ = url.partition("://")
        if remote and scheme not in {*_OBJECT_STORES, "file"}:
            raise SourceError(
                f"OUT cannot be {url}: there a killed job may leave half a file. Accepted are a "
                f"folder of this machine or a URL of {', '.join(sorted(_OBJECT_STORES))}."
            )
        self._files, self._root = open_filesystem(url)
        self.local = Path(self._root) if isinstance(self._files, LocalFileSystem) else None
        self.url = str(self.local) if self.local else url.rstrip("/")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JobFolder) and other.url == self.url

    def __hash__(self) -> int:
        return hash(self.url)

    def __reduce__(self) -> tuple[type["JobFolder"], tuple[str]]:
        return JobFolder, (self.url,)

    def __str__(self) -> str:
        return self.url

    def read(self, name: str) -> bytes:
        """Return the bytes of a file.

        Raises:
            FileNotFoundError: There is none.
        """
        with remote_faults():
            data: bytes = self._files.cat_file(self._path(name))
        return data

    def open(self, name: str) -> IO[bytes]:
        """Open a file for reading at any position."""
        stream: IO[bytes] = self._files.open(self._path(name), "rb")
        return stream

    def write(self, name: str, data: bytes) -> None:
        """Write a file: it appears whole, or not at all, and replaces one of the same name.

        Raises:
            OSError: The disk is full or the place cannot be written.
        """
        if self.local is None:
            with remote_faults():
                self._files.pipe_file(self._path(name), data)
            return
        target, partial = self.local / name, self.local / _PARTIAL
        for folder in (target.parent, partial):
            folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=partial)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def exists(self, name: str) -> bool:
        """Say whether there is a file of this name."""
        return bool(self._files.exists(self._path(name)))

    def names(self, folder: str = "") -> list[str]:
        """Return the names of the files and folders directly below a folder, sorted."""
        try:
            with remote_faults():
                found = self._files.ls(self._path(folder), detail=False)
        except FileNotFoundError:
            return []
        names = {str(path).rstrip("/").rpartition("/")[2] for path in found}
        return sorted(names - {"", self._path(folder).rpartition("/")[2]})

    def remove(self, name: str) -> None:
        """Remove a file; nothing happens where there is none."""
        try:
            self._files.rm_file(self._path(name))
        except FileNotFoundError:
            return

    def contains(self, path: str) -> bool:
        """Say whether an absolute local path lies in this folder."""
        return self.local is not None and (path + "/").startswith(f"{self.local}/")

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Hold the folder for one job; leftovers of a killed one are removed first.

        An object store offers no lock: there, starting a job twice at a time is up to the user.

        Raises:
            ScoringError: Another job is at work in it.
        """
        if self.local is None:
            yield
            return
        self.local.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.local / _LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise ScoringError(
                f"Another 'blemish score' is at work in {self.url}. Wait for it, or name another "
                "folder: --out DIR"
            ) from error
        try:
            for leftover in (self.local / _PARTIAL).glob("*"):
                leftover.unlink()
            yield
        finally:
            lock.release()

    def foreign_names(self) -> list[str]:
        """Return what lies here, apart from what :meth:`claimed` makes."""
        return [name for name in self.names() if name not in {_PARTIAL, _LOCK}]

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}" if name else self._root.rstrip("/")
