"""What evaluation writes: headline metrics, curves, per-image results, kept test images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blemish import files
from blemish.evaluation.judging import ImageResult
from blemish.metrics import Counts, ImageRow, ThresholdHistogram
from blemish.operating_point import LEVELS
from blemish.packed import JoinedSet
from blemish.visualization import encode_png

_DIGITS = 6


@dataclass(frozen=True)
class Pixels:
    """The pixels of a split, counted in two ways."""

    answered: ThresholdHistogram
    """By the probability that the network gives: whether it means what it says."""
    marked: ThresholdHistogram
    """By the highest threshold that still marks them: what each threshold would give."""


def write_curves(folder: Path, pixels: Pixels, classes: Mapping[str, Any]) -> None:
    """Write ``threshold.csv``, ``pr.csv``, ``reliability.csv`` and ``classes.csv``.

    Args:
        folder: Where to.
        pixels: Of the test split.
        classes: Metrics by class.
    """
    sweep = pixels.marked.sweep(len(LEVELS) + 1)
    columns = (sweep.threshold, sweep.dice, sweep.iou, sweep.precision, sweep.recall)
    rows = [tuple(round(float(v), _DIGITS) for v in row) for row in zip(*columns, strict=True)]
    header = ("threshold", "dice", "iou", "precision", "recall")
    files.write_text(folder / "threshold.csv", files.csv_text(header, rows))
    curve = sorted((row[4], row[3]) for row in rows if row[4] > 0)
    files.write_text(folder / "pr.csv", files.csv_text(("recall", "precision"), curve))
    bins = [
        (round(b.confidence, _DIGITS), round(b.frequency, _DIGITS), b.pixels)
        for b in pixels.answered.reliability()
    ]
    reliability = files.csv_text(("confidence", "frequency", "pixels"), bins)
    files.write_text(folder / "reliability.csv", reliability)
    by_class = [
        (name, *(round(metrics[key], _DIGITS) for key in ("dice", "found_share")))
        for name, metrics in classes.items()
    ]
    files.write_text(
        folder / "classes.csv", files.csv_text(("class", "dice", "found_share"), by_class)
    )


def image_row(result: ImageResult) -> ImageRow:
    """Return a result as it is stored."""
    return ImageRow(
        image_id=result.image_id,
        set_name=result.annotation.set_name,
        group=result.annotation.group,
        classes=result.classes,
        counts=result.counts,
        boundary_f=result.boundary_f,
        score=result.score,
        objects=result.objects,
        class_pixels=class_pixels(result),
        clean=result.annotation.clean,
    )


def class_pixels(result: ImageResult) -> dict[str, tuple[int, int, int]]:
    """Return ``(tp, fp, fn)`` by class of one image."""
    totals: dict[str, Counts] = {}
    for defect in result.defects:
        name = defect.defect.class_name
        totals[name] = totals.get(name, Counts()) + defect.counts
    return {name: (c.tp, c.fp, c.fn) for name, c in sorted(totals.items())}


def write_images(
    folder: Path, split: str, packed: JoinedSet, results: Sequence[ImageResult], megabytes: int
) -> int:
    """Keep images, masks and regions of a split for the gate and the dashboard, up to a cap.

    Under the cap, images are taken in the order of a digest of their name, so that every set and
    class keeps its share.

    Args:
        folder: Gets ``<split>_images`` and ``<split>_masks``, and ``<split>_regions`` for images
            with a region of interest.
        split: ``test`` or ``val``.
        packed: The split.
        results: Names of its images.
        megabytes: Most bytes of all files together, in 10^6.

    Returns:
        How many were kept.
    """
    left = megabytes * 1_000_000
    kept = 0
    for result in sorted(results, key=lambda r: files.sha256_bytes(r.image_id.encode())):
        parts = _encode_parts(packed, result.index)
        left -= sum(map(len, parts.values()))
        if left < 0:
            break
        for part, png in parts.items():
            files.write_bytes(folder / f"{split}_{part}" / f"{result.image_id}.png", png)
        kept += 1
    return kept


def _encode_parts(packed: JoinedSet, index: int) -> dict[str, bytes]:
    """Return image and mask as PNG, and the region of interest where there is one."""
    parts = {"images": encode_png(packed.image(index)), "masks": encode_png(packed.mask(index))}
    region = packed.region(index)
    return parts if region is None else {**parts, "regions": encode_png(region)}
