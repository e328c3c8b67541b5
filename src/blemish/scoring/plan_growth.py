"""Comparing SOURCE with the plan: what is new gets shards of its own, what changed is reported."""

import heapq
import itertools
import operator
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from blemish.errors import SourceError
from blemish.scoring.external_sort import SortedNames, read_entries, write_entries
from blemish.scoring.job_folder import JobFolder
from blemish.scoring.shard_plan import Generation, ShardPlan, shard_size, write_generation
from blemish.scoring.source_comparison import Changes, Known, SourceComparison
from blemish.scoring.sources import ListingNotes, Sources

_BATCH = 1_024
_CHANGES = pa.schema(
    [
        ("uri", pa.string()),
        ("shard", pa.int64()),
        ("size", pa.int64()),
        ("stamp", pa.string()),
        ("vanished", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class Growth:
    """The plan after a listing, and what the listing found."""

    plan: ShardPlan
    new: int
    duplicates: int
    changes: Changes
    notes: ListingNotes


def grow_plan(
    folder: JobFolder, sources: Sequence[str], *, limit: int | None, rescore_changed: bool
) -> Growth:
    """List SOURCE and add to the plan what is new.

    Args:
        folder: Folder of the job.
        sources: As the user named them.
        limit: The most images that the plan may have, the first in order; None for all.
        rescore_changed: Plan changed and vanished images to be scored again.

    Raises:
        SourceError: SOURCE cannot be listed, or names no image.
    """
    plan = ShardPlan.load(folder)
    listing = Sources(sources, folder)
    with tempfile.TemporaryDirectory(prefix="blemish-score-") as name:
        workshop = Path(name)
        names = SortedNames(listing, workshop)
        if not names.found:
            raise SourceError(f"SOURCE names no image: {' '.join(sources)}.")
        comparison = SourceComparison(iter(names), _known(plan, folder))
        most = None if limit is None else max(0, limit - plan.images)
        with _ChangesFile(workshop / "changes.arrow", comparison) as changes:
            new = write_entries(itertools.islice(comparison.new(), most), workshop / "new.arrow")
            comparison.finish()
        redone = changes.shards if rescore_changed else set()
        if new or redone:
            generation = Generation(
                number=len(plan.generations) + 1,
                first_shard=plan.shards,
                images=new,
                shard_images=shard_size(new),
                sources=tuple(sources),
                duplicates=names.duplicates,
                redone_shards=tuple(sorted(redone)),
            )
            if redone:
                folder.write(_changes_name(generation), changes.to_parquet())
            write_generation(folder, generation, read_entries(workshop / "new.arrow"))
            plan = ShardPlan((*plan.generations, generation))
    return Growth(plan, new, names.duplicates, comparison.changes, listing.notes)


def read_changes(folder: JobFolder, generation: Generation, shard: int) -> list[str]:
    """Return the names in one shard that a generation scores again."""
    data = BytesIO(folder.read(_changes_name(generation)))
    found: list[str] = pq.read_table(data, filters=[("shard", "==", shard)])["uri"].to_pylist()
    return found


def _changes_name(generation: Generation) -> str:
    return f"{generation.name}/changes.parquet"


class _ChangesFile:
    """Writes what a comparison notes to a temporary file, since it may be as long as the plan."""

    def __init__(self, path: Path, comparison: "SourceComparison") -> None:
        self._path = path
        self._writer = pa.ipc.new_stream(path, _CHANGES)
        self._rows: list[Known] = []
        self.shards: set[int] = set()
        comparison.note = self._add

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._writer.close()

    def to_parquet(self) -> bytes:
        """Return all that was noted."""
        buffer = BytesIO()
        with (
            pa.ipc.open_stream(self._path) as reader,
            pq.ParquetWriter(buffer, _CHANGES, compression="zstd") as writer,
        ):
            for batch in reader:
                writer.write_batch(batch)
        return buffer.getvalue()

    def _add(self, known: Known) -> None:
        self.shards.add(known.shard)
        self._rows.append(known)
        if len(self._rows) == _BATCH:
            self._flush()

    def _flush(self) -> None:
        rows = [
            {"uri": k.uri, "shard": k.shard, "size": k.size, "stamp": k.stamp, "vanished": k.gone}
            for k in self._rows
        ]
        self._writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=_CHANGES))
        self._rows = []


def _known(plan: ShardPlan, folder: JobFolder) -> Iterator[Known]:
    """Yield the images of the plan in order, as they were when they were last scored."""
    streams = []
    for generation in plan.generations:
        streams.append(_planned(plan, folder, generation))
        if generation.redone_shards:
            streams.append(_rescored(folder, generation))
    merged = heapq.merge(*streams, key=operator.attrgetter("uri"))  # of equals the earlier first
    for _, same in itertools.groupby(merged, key=operator.attrgetter("uri")):
        *_, latest = same
        yield latest


def _planned(plan: ShardPlan, folder: JobFolder, generation: Generation) -> Iterator[Known]:
    for entry, shard in plan.read_generation(folder, generation):
        yield Known(entry.uri, entry.size, entry.stamp, shard, gone=False)


def _rescored(folder: JobFolder, generation: Generation) -> Iterator[Known]:
    table = pq.ParquetFile(BytesIO(folder.read(_changes_name(generation))))
    for batch in table.iter_batches(batch_size=_BATCH):
        for row in batch.to_pylist():
            yield Known(row["uri"], row["size"], row["stamp"], row["shard"], row["vanished"])
