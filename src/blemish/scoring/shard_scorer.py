"""One shard: images in, part files out. The engines differ only in where this runs."""

import itertools
import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import cv2
import pyarrow as pa
import pyarrow.compute as pc

from blemish.errors import BlemishError, ImageError, ModelOutputError, TamperedModelError
from blemish.files import sha256_bytes
from blemish.image_statistics import image_statistics
from blemish.imaging import DecodedImage, Limits, decode_image
from blemish.inference import Segmentation, Segmenter
from blemish.progress import TellDone
from blemish.scoring import score_schema
from blemish.scoring.image_bytes import ImageReader
from blemish.scoring.image_uris import Listed
from blemish.scoring.job_folder import JobFolder
from blemish.scoring.plan_growth import read_changes
from blemish.scoring.run_lengths import encode_mask
from blemish.scoring.score_schema import FAILED, SCORED
from blemish.scoring.scoring_job import MODEL_FILE, ScoringJob
from blemish.scoring.shard_parts import KINDS, Commit, Kind, read_commit, read_part, write_parts
from blemish.scoring.shard_plan import ShardPlan
from blemish.visualization import encode_png

if TYPE_CHECKING:
    from concurrent.futures import Future

Row = dict[str, Any]
_REPORT = 16  # images between two reports of progress
_UNSURE = (0.25, 0.75)


@dataclass(frozen=True)
class ShardTask:
    """A shard to do."""

    shard: int
    redo: Literal["nothing", "errors", "changes"] = "nothing"
    """What is scored again of a shard that is done."""
    generation: int = 0
    """Whose changed images are scored again."""


@dataclass(frozen=True)
class ShardDone:
    """A shard that is done."""

    shard: int
    images: int
    """Those scored now, failed ones included."""
    failed: int
    """Failed images of the whole shard."""


@dataclass(frozen=True)
class Assignment:
    """All that a worker must know of a job; can be pickled."""

    folder: JobFolder
    job: ScoringJob
    plan: ShardPlan


class ShardScorer:
    """Scores shards with one model on one thread.

    Args:
        assignment: The job; its model file is read from the job's folder and verified.

    Raises:
        TamperedModelError: The model file in the folder is not the job's.
    """

    def __init__(self, assignment: Assignment) -> None:
        cv2.setNumThreads(1)
        self._folder, self._job = assignment.folder, assignment.job
        self._plan = assignment.plan
        self._segmenter = Segmenter.from_bytes(_read_model(assignment), threads=1)
        self._limits = Limits(self._job.megabytes, self._job.megapixels, self._job.side)
        self._reader = ImageReader(self._job.megabytes)
        self._worker = f"{socket.gethostname()}:{os.getpid()}"

    def score(self, task: ShardTask, report: TellDone = lambda _: None) -> ShardDone:
        """Score a shard and write its parts.

        Args:
            task: Which shard.
            report: Told now and then how many more images are through.

        Raises:
            OSError: The output cannot be written.
            ModelFileError: The model does not run.
        """
        entries = self._plan.read_shard(self._folder, task.shard)
        commit, kept = self._keep(task)
        names = kept["images"]["uri"].to_pylist()
        wanted = [entry for entry in entries if entry.uri not in set(names)]
        tables = self._score_images(task.shard, entries, wanted, report)
        for kind in KINDS:
            tables[kind] = _in_order(pa.concat_tables([kept[kind], tables[kind]]), entries)
        failed = pc.sum(pc.equal(tables["images"]["status"], FAILED)).as_py() or 0
        metadata = self._metadata(task.shard, len(entries), failed)
        write_parts(self._folder, task.shard, commit, tables, metadata)
        return ShardDone(task.shard, len(wanted), failed)

    def _keep(self, task: ShardTask) -> tuple[Commit, dict[Kind, pa.Table]]:
        """Return the attempt to write, and the rows that stay as they are."""
        if task.redo == "nothing":
            return Commit(), {kind: score_schema.SCHEMAS[kind].empty_table() for kind in KINDS}
        commit = read_commit(self._folder, task.shard)
        tables = {kind: read_part(self._folder, kind, task.shard, commit.attempt) for kind in KINDS}
        images = tables["images"]
        if task.redo == "errors":
            again = images.filter(pc.equal(images["status"], FAILED))["uri"].combine_chunks()
        else:
            generation = self._plan.generations[task.generation - 1]
            again = pa.array(read_changes(self._folder, generation, task.shard), pa.string())
        kept = {
            kind: table.filter(pc.invert(pc.is_in(table["uri"], value_set=again)))
            for kind, table in tables.items()
        }
        return Commit(commit.attempt + 1, max(commit.generation, task.generation)), kept

    def _score_images(
        self,
        shard: int,
        entries: Sequence[Listed],
        wanted: Sequence[Listed],
        report: TellDone,
    ) -> dict[Kind, pa.Table]:
        place = {entry.uri: index for index, entry in enumerate(entries)}
        rows: dict[Kind, list[Row]] = {kind: [] for kind in KINDS}
        for done, (entry, data) in enumerate(self._reader.read_all(wanted), start=1):
            image, defects, timing = self._score_image(entry.uri, data, shard, place[entry.uri])
            rows["images"].append(image)
            rows["defects"] += defects
            rows["timings"].append(timing)
            if done % _REPORT == 0:
                report(_REPORT)
        report(len(wanted) % _REPORT)
        return {
            kind: pa.Table.from_pylist(rows[kind], schema=score_schema.SCHEMAS[kind])
            for kind in KINDS
        }

    def _score_image(
        self, uri: str, data: "Future[bytes]", shard: int, index: int
    ) -> tuple[Row, list[Row], Row]:
        """Return the rows of one image; one that cannot be answered has a row with its error."""
        moments = [time.perf_counter()]
        try:
            encoded = data.result()
            moments.append(time.perf_counter())
            image = decode_image(encoded, self._limits, self._job.bits)
            moments.append(time.perf_counter())
            probability = self._segmenter.probability(image.plane)
        except (ImageError, ModelOutputError, OSError) as error:
            return _failure(uri, error), [], _timing(uri, moments, self._worker)
        moments.append(time.perf_counter())
        prediction = self._segmenter.judge(probability)
        row = {"uri": uri, "status": SCORED, **describe_image(image, prediction)}
        row |= self._mask(prediction, shard, index)
        defects = [
            {"uri": uri, "defect": number, **vars(defect)}
            for number, defect in enumerate(prediction.defects)
        ]
        moments.append(time.perf_counter())
        return row, defects, _timing(uri, moments, self._worker)

    def _mask(self, prediction: Segmentation, shard: int, index: int) -> Row:
        job = self._job
        if job.masks == "none" or (job.masks == "defective" and not prediction.defect_count):
            return {}
        row: Row = {"mask_counts": encode_mask(prediction.mask)}
        if job.mask_png:
            row["mask_png"] = f"masks/part-{shard:07}/{index:04}.png"
            self._folder.write(row["mask_png"], encode_png(prediction.mask))
        return row

    def _metadata(self, shard: int, images: int, failed: int) -> Mapping[str, str]:
        return {
            "blemish.schema": str(score_schema.VERSION),
            "blemish.job": self._job.identity,
            "blemish.model_sha256": self._job.model_sha256,
            "blemish.fingerprint": self._job.fingerprint,
            "blemish.shard": str(shard),
            "blemish.images": str(images),
            "blemish.failed": str(failed),
        }


def _read_model(assignment: Assignment) -> bytes:
    data = assignment.folder.read(MODEL_FILE)
    if sha256_bytes(data) != assignment.job.model_sha256:
        raise TamperedModelError(
            f"{assignment.folder}/{MODEL_FILE} is not the model of this job "
            f"({assignment.job.model_sha256[:12]}). Remove it and run the same command again."
        )
    return data


def describe_image(image: DecodedImage, prediction: Segmentation) -> Row:
    """Return the columns of an image that was scored: what was found, and how it looks."""
    probability = prediction.probability
    area = cv2.countNonZero(prediction.mask.view("uint8"))
    unsure = cv2.countNonZero(cv2.inRange(probability, *_UNSURE))
    return {
        "sha256": image.sha256,
        "format": image.format,
        "width": image.width,
        "height": image.height,
        "bits": image.bits,
        "warnings": image.warnings,
        "defective": prediction.defect_count > 0,
        "defect_count": prediction.defect_count,
        "defect_area_px": area,
        "defect_area_fraction": round(area / probability.size, 9),
        "probability_mean": round(cv2.mean(probability)[0], 9),
        "probability_max": round(float(probability.max()), 9),
        "probability_unsure_fraction": round(unsure / probability.size, 9),
        **vars(image_statistics(image.plane)),
    }


def _failure(uri: str, error: BlemishError | OSError) -> Row:
    if isinstance(error, OSError):
        text = f"Cannot read the file: {error.strerror or error}."
    else:
        text = str(error)
    return {"uri": uri, "status": FAILED, "error_type": type(error).__name__, "error": text}


def _timing(uri: str, moments: Sequence[float], worker: str) -> Row:
    names = ("read_ms", "decode_ms", "infer_ms", "measure_ms")
    spans = [(after - before) * 1e3 for before, after in itertools.pairwise(moments)]
    return {"uri": uri, "worker": worker, **dict(zip(names, spans, strict=False))}


def _in_order(table: pa.Table, entries: Sequence[Listed]) -> pa.Table:
    """Sort rows by image, in the order of the shard; the rows of one image keep theirs."""
    order = pc.index_in(table["uri"], value_set=pa.array([entry.uri for entry in entries]))
    keyed = pa.table({"order": order, "row": pa.array(range(len(table)))})
    return table.take(pc.sort_indices(keyed, [("order", "ascending"), ("row", "ascending")]))
