"""The files of a shard, and which of them count.

A shard is done when its part of ``images/`` is there, which is written last. A shard that is scored
again writes parts of a higher attempt beside the old ones; one commit file, replaced in one step,
says which attempt counts, and the old parts go after that.
"""

import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from typing import Literal, Self

import pyarrow as pa
import pyarrow.parquet as pq

from blemish.scoring.job_folder import JobFolder

Kind = Literal["images", "defects", "timings"]
KINDS: tuple[Kind, ...] = ("timings", "defects", "images")
"""In the order in which they are written."""
_NAME = re.compile(r"part-(\d{7})(?:\.retry-(\d+))?\.parquet")
_READERS = 8


@dataclass(frozen=True)
class Commit:
    """Which parts of a shard count."""

    attempt: int = 0
    generation: int = 0
    """The last one whose changed images were scored again in it."""


@dataclass
class ShardParts:
    """The shards that are done."""

    folder: JobFolder
    commits: dict[int, Commit]

    @classmethod
    def scan(cls, folder: JobFolder) -> Self:
        """Look which shards are done."""
        first = {shard: Commit() for shard, attempt in _parts(folder, "images") if attempt == 0}
        numbers = [int(name.partition(".")[0]) for name in folder.names("commits")]
        with ThreadPoolExecutor(_READERS) as threads:
            redone = threads.map(lambda number: _read_commit(folder, number), numbers)
            return cls(folder, first | dict(zip(numbers, redone, strict=True)))

    def remove_leftovers(self) -> None:
        """Remove the parts that do not count: of an attempt that was killed, or replaced."""
        for kind in KINDS:
            for shard, attempt in _parts(self.folder, kind):
                if shard in self.commits and attempt != self.commits[shard].attempt:
                    self.folder.remove(part_name(kind, shard, attempt))

    def read(self, kind: Kind, shard: int, columns: list[str] | None = None) -> pa.Table:
        """Return one table of a shard that is done."""
        return read_part(self.folder, kind, shard, self.commits[shard].attempt, columns)

    def failed_images(self, shard: int) -> int:
        """Return how many images of a shard have an error."""
        name = part_name("images", shard, self.commits[shard].attempt)
        with self.folder.open(name) as stream:
            metadata = pq.ParquetFile(stream).metadata.metadata
        return int(metadata[b"blemish.failed"])


def part_name(kind: Kind, shard: int, attempt: int) -> str:
    """Return the name of a part file within the job's folder."""
    retry = f".retry-{attempt}" if attempt else ""
    return f"{kind}/part-{shard:07}{retry}.parquet"


def read_part(
    folder: JobFolder, kind: Kind, shard: int, attempt: int, columns: list[str] | None = None
) -> pa.Table:
    """Read a part file."""
    with folder.open(part_name(kind, shard, attempt)) as stream:
        return pq.ParquetFile(stream).read(columns=columns)


def write_parts(
    folder: JobFolder,
    shard: int,
    commit: Commit,
    tables: Mapping[Kind, pa.Table],
    metadata: Mapping[str, str],
) -> None:
    """Write the tables of a shard so that it is done at the last write, and not before.

    Args:
        folder: Folder of the job.
        shard: Its number.
        commit: The attempt that the tables are of.
        tables: All three.
        metadata: Goes into each file.
    """
    for kind in KINDS:
        buffer = BytesIO()
        table = tables[kind].replace_schema_metadata(metadata)
        pq.write_table(table, buffer, compression="zstd")
        folder.write(part_name(kind, shard, commit.attempt), buffer.getvalue())
    if commit.attempt:
        document = {"attempt": commit.attempt, "generation": commit.generation}
        folder.write(f"commits/{shard:07}.json", json.dumps(document).encode())
        for kind in KINDS:
            folder.remove(part_name(kind, shard, commit.attempt - 1))


def read_commit(folder: JobFolder, shard: int) -> Commit:
    """Return which parts of a shard that is done count."""
    try:
        return _read_commit(folder, shard)
    except FileNotFoundError:
        return Commit()


def _read_commit(folder: JobFolder, shard: int) -> Commit:
    return Commit(**json.loads(folder.read(f"commits/{shard:07}.json")))


def _parts(folder: JobFolder, kind: Kind) -> list[tuple[int, int]]:
    """Return shard and attempt of each part file."""
    found = map(_NAME.fullmatch, folder.names(kind))
    return [(int(match[1]), int(match[2] or 0)) for match in found if match]
