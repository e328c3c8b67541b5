"""Two scoring jobs over the same images: where they agree, by result, by count and by pixel."""

import heapq
import itertools
import operator
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pyarrow as pa

from blemish.errors import ScoringError
from blemish.files import sha256_bytes
from blemish.progress import TellDone
from blemish.scoring.job_folder import JobFolder
from blemish.scoring.run_lengths import decode_mask
from blemish.scoring.score_schema import SCORED
from blemish.scoring.scoring_job import FILE, ScoringJob
from blemish.scoring.shard_parts import ShardParts
from blemish.scoring.shard_plan import ShardPlan

LISTED = 100
_TOLD = 1_000  # images between two reports
_COLUMNS = [
    "uri",
    "status",
    "sha256",
    "width",
    "height",
    "defective",
    "defect_count",
    "probability_max",
    "mask_counts",
]
Row = dict[str, Any]


@dataclass(order=True, frozen=True)
class Disagreement:
    """An image that two jobs judge differently."""

    gap: float
    """Between the highest probabilities of both, in ``[0, 1]``."""
    uri: str
    defective_a: bool
    defective_b: bool


@dataclass(frozen=True)
class FinishedJob:
    """A job as it stands in its folder, whether or not all of its shards are done."""

    url: str
    job: ScoringJob
    parts: ShardParts
    plan: ShardPlan

    @classmethod
    def open(cls, url: str) -> Self:
        """Look at the output folder of a job.

        Raises:
            ScoringError: There is no job, or it cannot be reached.
            SourceError: Nothing installed reads this kind of URL.
        """
        folder = JobFolder(url)
        try:
            job = ScoringJob.from_json(folder.read(FILE), url)
            return cls(url, job, ShardParts.scan(folder), ShardPlan.load(folder))
        except FileNotFoundError as error:
            raise ScoringError(
                f"{url} holds no scoring job: there is no {FILE}. Name the folder or URL that was "
                "given to: blemish score --out"
            ) from error
        except OSError as error:
            raise ScoringError(f"The job at {url} cannot be read: {error}.") from error

    @property
    def state(self) -> str:
        """Changes when a shard is done, or done again."""
        done = [(shard, commit.attempt) for shard, commit in sorted(self.parts.commits.items())]
        return sha256_bytes(repr((self.job.identity, done)).encode())

    def rows(self) -> Iterator[Row]:
        """Yield a row for each image, in the order of their names, over all generations.

        Raises:
            ScoringError: A part cannot be read.
        """
        streams = []
        for generation in self.plan.generations:
            shards = range(generation.first_shard, generation.first_shard + generation.shards)
            streams.append(self._rows_of([s for s in shards if s in self.parts.commits]))
        yield from heapq.merge(*streams, key=operator.itemgetter("uri"))

    def _rows_of(self, shards: list[int]) -> Iterator[Row]:
        for shard in shards:
            try:
                yield from self.parts.read("images", shard, _COLUMNS).to_pylist()
            except (OSError, pa.ArrowException) as error:
                raise ScoringError(
                    f"Shard {shard} of the job at {self.url} cannot be read: {error}."
                ) from error


@dataclass
class JobComparison:
    """What two jobs say of the images that both scored."""

    results: Counter[tuple[bool, bool]] = field(default_factory=Counter)
    """Images by (defective in A, defective in B)."""
    same_count: int = 0
    """Images with as many defects in both."""
    only_a: int = 0
    """Images that B has not, or could not read."""
    only_b: int = 0
    other_content: int = 0
    """Images whose bytes differed between the jobs; they are left out of all other numbers."""
    with_masks: int = 0
    """Images of which both kept a mask, or one did and the other has no defect."""
    pixels_both: int = 0
    """Marked by both, over those images."""
    pixels_either: int = 0
    disagreements: list[Disagreement] = field(default_factory=list)
    """Images with other results, the widest gaps first, at most 100."""

    @property
    def compared(self) -> int:
        """How many images both scored."""
        return self.results.total()

    @property
    def same_result(self) -> int:
        """How many of them are defective in both, or in neither."""
        return self.results[True, True] + self.results[False, False]

    @property
    def mask_iou(self) -> float | None:
        """Overlap of the marks of both, pooled over the images with masks; None without any."""
        return self.pixels_both / self.pixels_either if self.pixels_either else None

    def add(self, a: Row, b: Row) -> None:
        """Count one image that both have."""
        if a["status"] != SCORED or b["status"] != SCORED:
            self.only_a += a["status"] == SCORED
            self.only_b += b["status"] == SCORED
            return
        if a["sha256"] != b["sha256"]:
            self.other_content += 1
            return
        self.results[a["defective"], b["defective"]] += 1
        self.same_count += a["defect_count"] == b["defect_count"]
        masks = _mask(a), _mask(b)
        if masks[0] is not None and masks[1] is not None:
            self.with_masks += 1
            self.pixels_both += int(np.count_nonzero(masks[0] & masks[1]))
            self.pixels_either += int(np.count_nonzero(masks[0] | masks[1]))
        if a["defective"] != b["defective"]:
            gap = abs(a["probability_max"] - b["probability_max"])
            found = Disagreement(gap, a["uri"], a["defective"], b["defective"])
            push = heapq.heappush if len(self.disagreements) < LISTED else heapq.heappushpop
            push(self.disagreements, found)


def compare_jobs(a: FinishedJob, b: FinishedJob, tell: TellDone = lambda _: None) -> JobComparison:
    """Compare two jobs, a shard of each in memory at a time.

    Args:
        a: One of them.
        b: The other.
        tell: Told now and then how many images were looked at.

    Raises:
        ScoringError: A part of one of them cannot be read.
    """
    comparison = JobComparison()
    by_name = operator.itemgetter(0)
    both = heapq.merge(_marked(a, 0), _marked(b, 1), key=by_name)
    for number, (_, same) in enumerate(itertools.groupby(both, key=by_name), start=1):
        found = {which: row for _, which, row in same}
        if len(found) == 2:
            comparison.add(found[0], found[1])
        elif 0 in found:
            comparison.only_a += found[0]["status"] == SCORED
        else:
            comparison.only_b += found[1]["status"] == SCORED
        if number % _TOLD == 0:
            tell(number)
    comparison.disagreements.sort(reverse=True)
    return comparison


def _marked(job: FinishedJob, which: int) -> Iterator[tuple[str, int, Row]]:
    for row in job.rows():
        yield row["uri"], which, row


def _mask(row: Row) -> Any:
    """Return the mask of an image; an empty one where it has no defect; None if it was not kept."""
    if row["mask_counts"] is not None:
        return decode_mask(row["mask_counts"], row["height"], row["width"])
    if not row["defective"]:
        return np.zeros((row["height"], row["width"]), np.bool_)
    return None
