"""The plan of a job: a series of generations, each a sorted list of images cut into shards.

A generation is never changed. Its names lie in files of 128 shards, one Parquet row group a shard,
and its description is written last: without it, the generation does not exist.
"""

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from io import BytesIO
from itertools import islice
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from blemish.scoring.image_uris import Listed
from blemish.scoring.job_folder import JobFolder

LARGEST_SHARD, SMALLEST_SHARD = 512, 32
_FEWEST_SHARDS = 32  # of a generation that is large enough: else some workers end early and wait
_SHARDS_A_FILE = 128
_SCHEMA = pa.schema([("uri", pa.string()), ("size", pa.int64()), ("stamp", pa.string())])


@dataclass(frozen=True)
class Generation:
    """What one listing of SOURCE added."""

    number: int
    """From 1."""
    first_shard: int
    images: int
    shard_images: int
    """Images of each shard but the last, which may have fewer."""
    sources: tuple[str, ...]
    duplicates: int
    """Further mentions of a name in SOURCE."""
    redone_shards: tuple[int, ...] = ()
    """Shards of earlier generations in which changed or vanished images are scored again."""

    @property
    def shards(self) -> int:
        """How many it adds."""
        return -(-self.images // self.shard_images)

    @property
    def name(self) -> str:
        """Of its folder, and with ``.json`` of its description."""
        return f"plan/generation-{self.number:04}"

    def size_of(self, shard: int) -> int:
        """Return how many images a shard of this generation has."""
        return min(self.shard_images, self.images - (shard - self.first_shard) * self.shard_images)


@dataclass(frozen=True)
class ShardPlan:
    """All generations of a job."""

    generations: tuple[Generation, ...]

    @classmethod
    def load(cls, folder: JobFolder) -> Self:
        """Read the generations that are complete."""
        names = [name for name in folder.names("plan") if name.endswith(".json")]
        found = []
        for name in names:
            document = json.loads(folder.read(f"plan/{name}"))
            for key in ("sources", "redone_shards"):
                document[key] = tuple(document[key])
            found.append(Generation(**document))
        return cls(tuple(found))

    @property
    def images(self) -> int:
        """How many are planned."""
        return sum(generation.images for generation in self.generations)

    @property
    def shards(self) -> int:
        """How many there are; they are numbered from 0."""
        return sum(generation.shards for generation in self.generations)

    def generation_of(self, shard: int) -> Generation:
        """Return the generation that a shard belongs to."""
        grown = [generation for generation in self.generations if generation.shards]
        return grown[bisect_right([g.first_shard for g in grown], shard) - 1]

    def size_of(self, shard: int) -> int:
        """Return how many images a shard has."""
        return self.generation_of(shard).size_of(shard)

    def read_shard(self, folder: JobFolder, shard: int) -> list[Listed]:
        """Return the images of a shard, in order."""
        generation = self.generation_of(shard)
        file, group = divmod(shard - generation.first_shard, _SHARDS_A_FILE)
        with folder.open(_file_name(generation, file)) as stream:
            return _listed(pq.ParquetFile(stream).read_row_group(group))

    def read_generation(
        self, folder: JobFolder, generation: Generation
    ) -> Iterator[tuple[Listed, int]]:
        """Yield the images of a generation with their shards, in order, a shard at a time."""
        for file in range(-(-generation.shards // _SHARDS_A_FILE)):
            with folder.open(_file_name(generation, file)) as stream:
                table = pq.ParquetFile(stream)
                for group in range(table.num_row_groups):
                    shard = generation.first_shard + file * _SHARDS_A_FILE + group
                    for entry in _listed(table.read_row_group(group)):
                        yield entry, shard


def shard_size(images: int) -> int:
    """Return how many images a shard of a generation has, by the size of the generation alone."""
    return min(LARGEST_SHARD, max(SMALLEST_SHARD, -(-images // _FEWEST_SHARDS)))


def write_generation(folder: JobFolder, generation: Generation, entries: Iterable[Listed]) -> None:
    """Write a generation: its names, then the description that makes it exist.

    Args:
        folder: Folder of the job.
        generation: The description.
        entries: The names, sorted; as many as it says.
    """
    iterator = iter(entries)
    for file in range(-(-generation.shards // _SHARDS_A_FILE)):
        buffer = BytesIO()
        with pq.ParquetWriter(buffer, _SCHEMA, compression="zstd") as writer:
            for _ in range(_SHARDS_A_FILE):
                if shard := list(islice(iterator, generation.shard_images)):
                    writer.write_table(_table(shard), row_group_size=generation.shard_images)
        folder.write(_file_name(generation, file), buffer.getvalue())
    folder.write(f"{generation.name}.json", json.dumps(asdict(generation), indent=2).encode())


def _file_name(generation: Generation, file: int) -> str:
    return f"{generation.name}/part-{file:05}.parquet"


def _table(entries: list[Listed]) -> pa.Table:
    columns = [[getattr(entry, field.name) for entry in entries] for field in _SCHEMA]
    return pa.table(columns, schema=_SCHEMA)


def _listed(table: pa.Table) -> list[Listed]:
    columns = (table.column(name).to_pylist() for name in _SCHEMA.names)
    return [Listed(*row) for row in zip(*columns, strict=True)]
