"""Sorting a stream of names that does not fit in memory: sorted runs on disk, then a merge."""

import heapq
import itertools
import operator
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from blemish.scoring.image_uris import Listed

_RUN = 50_000  # names in memory at a time: about 20 MB
_BATCH = 1_024  # names of each run in memory while merging
_SCHEMA = pa.schema([("uri", pa.string()), ("size", pa.int64()), ("stamp", pa.string())])


class SortedNames:
    """Names in the order of their UTF-8 bytes, each once.

    Args:
        entries: In any order; consumed at once.
        folder: For temporary files, which the caller removes.
    """

    def __init__(self, entries: Iterable[Listed], folder: Path) -> None:
        self._runs = list(_write_runs(entries, folder))
        self.found = bool(self._runs)
        """Whether there is any."""
        self.duplicates = 0
        """Further mentions of the same name; known after the iteration."""

    def __iter__(self) -> Iterator[Listed]:
        self.duplicates = 0
        last = None
        merged = heapq.merge(*map(read_entries, self._runs), key=operator.attrgetter("uri"))
        for entry in merged:
            if entry.uri == last:
                self.duplicates += 1
            else:
                yield entry
            last = entry.uri


def _write_runs(entries: Iterable[Listed], folder: Path) -> Iterator[Path]:
    for number, run in enumerate(_chunks(entries)):
        path = folder / f"run-{number:06}.arrow"
        write_entries(sorted(run, key=operator.attrgetter("uri")), path)
        yield path


def _chunks(entries: Iterable[Listed]) -> Iterator[list[Listed]]:
    iterator = iter(entries)
    while chunk := list(itertools.islice(iterator, _RUN)):
        yield chunk


def write_entries(entries: Iterable[Listed], path: Path) -> int:
    """Write names to a temporary file, as a stream.

    Returns:
        How many.
    """
    iterator = iter(entries)
    count = 0
    with pa.ipc.new_stream(path, _SCHEMA) as writer:
        while batch := list(itertools.islice(iterator, _BATCH)):
            columns = [[getattr(entry, name) for entry in batch] for name in _SCHEMA.names]
            arrays = [pa.array(c, f.type) for c, f in zip(columns, _SCHEMA, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=_SCHEMA))
            count += len(batch)
    return count


def read_entries(path: Path) -> Iterator[Listed]:
    """Yield what :func:`write_entries` wrote."""
    with pa.OSFile(str(path), "rb") as stream, pa.ipc.open_stream(stream) as reader:
        for batch in reader:
            columns = (batch.column(name).to_pylist() for name in _SCHEMA.names)
            for uri, size, stamp in zip(*columns, strict=True):
                yield Listed(uri, size, stamp)
