"""Results grouped and summarized: overall, by set, class, size and visibility."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt

from blemish.config.evaluate import Bootstrap
from blemish.datasets.packed import PackedDefect
from blemish.evaluation.judging import DefectResult, ImageResult
from blemish.metrics import Counts, ObjectCounts, auroc, bootstrap_interval

_UNKNOWN = "unknown"
# Of a defect's width in pixels: about the least that a sensor resolves, then doublings.
_WIDTHS = ((2.0, "below 2 px"), (4.0, "2 to 4 px"), (8.0, "4 to 8 px"), (np.inf, "8 px and more"))
_AREAS = (
    (64, "below 64 px"),
    (256, "64 to 256 px"),
    (1024, "256 to 1024 px"),
    (np.inf, "1024 px and more"),
)
# Of contrast to noise: Rose (1948) found 5 needed to see a spot for sure, 2 to guess it.
_VISIBILITIES = ((2.0, "faint"), (5.0, "visible"), (np.inf, "clearly visible"))

Statistic = Callable[[Sequence[ImageResult]], float | None]
Summary = dict[str, Any]


def pooled(results: Iterable[ImageResult]) -> Counts:
    """Add the pixels of images."""
    return sum((result.counts for result in results), Counts())


def false_alarm_rate(results: Sequence[ImageResult]) -> float | None:
    """Share of the free images with any mark, in ``[0, 1]``; None without free images."""
    free = [result.marked for result in results if not result.defective]
    return fmean(free) if free else None


def image_auroc(results: Sequence[ImageResult]) -> float | None:
    """AUROC of the image scores; None unless there are images of both kinds."""
    return auroc([result.score for result in results], [result.defective for result in results])


def pro(results: Sequence[ImageResult]) -> float | None:
    """Mean share of a defect that is marked, in ``[0, 1]``; None without defects."""
    shares = [defect.coverage for result in results for defect in result.defects]
    return fmean(shares) if shares else None


def objects(results: Iterable[ImageResult]) -> ObjectCounts:
    """Add the defects and marks of images."""
    return sum((result.objects for result in results), ObjectCounts())


STATISTICS: Mapping[str, Statistic] = {
    "dice": lambda results: pooled(results).dice,
    "iou": lambda results: pooled(results).iou,
    "precision": lambda results: pooled(results).precision,
    "recall": lambda results: pooled(results).recall,
    "dice_mean": lambda results: fmean(result.counts.dice for result in results),
    "iou_mean": lambda results: fmean(result.counts.iou for result in results),
    "precision_mean": lambda results: fmean(result.counts.precision for result in results),
    "recall_mean": lambda results: fmean(result.counts.recall for result in results),
    "boundary_f_mean": lambda results: fmean(result.boundary_f for result in results),
    "object_f1": lambda results: objects(results).f1,
    "object_recall": lambda results: objects(results).recall,
    "object_precision": lambda results: objects(results).precision,
    "pro": pro,
    "image_auroc": image_auroc,
    "false_alarm_rate": false_alarm_rate,
}
"""The figures of a list of images, by name; the mean ones are over images, empty masks as 1.0."""


def summarize(results: Sequence[ImageResult], bootstrap: Bootstrap) -> Summary:
    """Return every statistic with its 95 % interval over groups, and the counts behind them."""
    summary: Summary = {
        "images": len(results),
        "free_images": sum(not result.defective for result in results),
        "pixels": vars(pooled(results)),
        "objects": vars(objects(results)),
        "marked_free_images": sum(r.marked for r in results if not r.defective),
    }
    groups = [f"{result.record.set_name}/{result.record.group}" for result in results]
    for name, statistic in STATISTICS.items():

        def of_indices(
            indices: npt.NDArray[np.intp], statistic: Statistic = statistic
        ) -> float | None:
            return statistic([results[i] for i in indices])

        interval = bootstrap_interval(
            groups, of_indices, resamples=bootstrap.resamples, seed=bootstrap.seed
        )
        summary[name] = {"value": statistic(results), "interval_95": interval}
    return summary


def by_set(results: Sequence[ImageResult], bootstrap: Bootstrap) -> dict[str, Summary]:
    """Summarize each set on its own."""
    names = sorted({result.record.set_name for result in results})
    return {
        name: summarize([r for r in results if r.record.set_name == name], bootstrap)
        for name in names
    }


def by_defect(results: Sequence[ImageResult], key: Callable[[PackedDefect], str]) -> Summary:
    """Group defects by a property of theirs and summarize each group.

    Returns:
        By group: Dice, recall and precision of its pixels (a false mark counts for the defect
        nearest to it), the share of defects found, PRO, and the counts.
    """
    groups: dict[str, list[DefectResult]] = {}
    for result in results:
        for defect in result.defects:
            groups.setdefault(key(defect.defect), []).append(defect)
    return {name: _summarize_defects(groups[name]) for name in sorted(groups)}


def _summarize_defects(defects: Sequence[DefectResult]) -> Summary:
    counts = sum((defect.counts for defect in defects), Counts())
    return {
        "defects": len(defects),
        "dice": counts.dice,
        "recall": counts.recall,
        "precision": counts.precision,
        "found_share": fmean(defect.found for defect in defects),
        "pro": fmean(defect.coverage for defect in defects),
        "tp": counts.tp,
        "fp": counts.fp,
        "fn": counts.fn,
    }


def class_of(defect: PackedDefect) -> str:
    """Name the class of a defect."""
    return defect.class_name


def width_of(defect: PackedDefect) -> str:
    """Name the bin of a defect's width."""
    return _bin(defect.width_px, _WIDTHS)


def area_of(defect: PackedDefect) -> str:
    """Name the bin of a defect's area."""
    return _bin(defect.area_px, _AREAS)


def visibility_of(defect: PackedDefect) -> str:
    """Name how visible a defect is, by its contrast to noise."""
    return _bin(defect.contrast_to_noise, _VISIBILITIES)


def _bin(value: float | None, bins: Sequence[tuple[float, str]]) -> str:
    """Return the name of the first bin whose upper end lies above a value."""
    if value is None:
        return _UNKNOWN
    return next(name for end, name in bins if value < end)
