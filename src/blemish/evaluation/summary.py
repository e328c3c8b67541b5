"""Results grouped and summarized: overall, by set, class, size and visibility."""

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt

from blemish.config.evaluate import Bootstrap
from blemish.evaluation.judging import DefectResult, ImageResult
from blemish.metrics import (
    Counts,
    Interval,
    ObjectCounts,
    binomial_bound,
    group_weights,
    percentile_interval,
    weighted_auroc,
)
from blemish.metrics.pixels import overlap_of, ratio_of
from blemish.packed import PackedDefect

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

Array = npt.NDArray[np.float64]
Summary = dict[str, Any]


class Table:
    """Results of N images as columns, from which metrics follow for any weighting of the images.

    Args:
        results: Of the images.
    """

    def __init__(self, results: Sequence[ImageResult]) -> None:
        self.groups = [_group_of(result) for result in results]
        self._pixels = _column(results, lambda r: (r.counts.tp, r.counts.fp, r.counts.fn))
        self._objects = _column(
            results,
            lambda r: (r.objects.found, r.objects.missed, r.objects.right, r.objects.false),
        )
        self._means = _column(
            results,
            lambda r: (
                *(r.counts.dice, r.counts.iou, r.counts.precision, r.counts.recall),
                r.boundary_f,
            ),
        )
        self._coverage = _column(
            results, lambda r: (sum(d.coverage for d in r.defects), len(r.defects))
        )
        self._alarms = _column(results, lambda r: (not r.defective and r.marked, not r.defective))
        self._scores = np.array([r.score for r in results])
        self._defective = np.array([r.defective for r in results], bool)

    def metrics(self, weights: Array) -> dict[str, Array]:
        """Return every metric by name.

        Args:
            weights: Shape ``(R, N)``: how often each image counts.

        Returns:
            Shape ``(R,)`` each; NaN where a metric is undefined: no defect-free images, no defects.
            The mean ones are over images, with the values of empty masks.
        """
        means = (weights @ self._means / weights.sum(axis=1)[:, None]).T
        names = ("dice_mean", "iou_mean", "precision_mean", "recall_mean", "boundary_f_mean")
        coverage, alarms = weights @ self._coverage, weights @ self._alarms
        return {
            **overlap_of(*(weights @ self._pixels).T),
            **dict(zip(names, means, strict=True)),
            **_detection(*(weights @ self._objects).T),
            "pro": _share(coverage[:, 0], coverage[:, 1]),
            "image_auroc": weighted_auroc(self._scores, self._defective, weights),
            "false_alarm_rate": _share(alarms[:, 0], alarms[:, 1]),
        }


def _group_of(result: ImageResult) -> str:
    return f"{result.annotation.set_name}/{result.annotation.group}"


def _column(results: Sequence[ImageResult], values: Callable[[ImageResult], Any]) -> Array:
    return np.array([values(result) for result in results], np.float64)


def _share(part: Array, whole: Array) -> Array:
    """Divide; NaN where there is nothing to divide by."""
    shares = np.full(len(part), np.nan)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares


def _detection(found: Array, missed: Array, right: Array, false: Array) -> dict[str, Array]:
    recall = ratio_of(found, found + missed, found + missed + false == 0)
    precision = ratio_of(right, right + false, right + false + missed == 0)
    total = recall + precision
    f1 = np.divide(2 * recall * precision, total, out=np.zeros(len(total)), where=total > 0)
    return {"object_recall": recall, "object_precision": precision, "object_f1": f1}


def summarize(results: Sequence[ImageResult], bootstrap: Bootstrap) -> Summary:
    """Return every metric with its 95 % interval over groups, and the counts behind them.

    An interval is None with fewer than two groups, a value is None where it is undefined.
    """
    table = Table(results)
    values = table.metrics(np.ones((1, len(results))))
    weights = group_weights(table.groups, resamples=bootstrap.resamples, seed=bootstrap.seed)
    resampled = table.metrics(weights) if len(set(table.groups)) > 1 else {}
    nothing = np.full(1, np.nan)
    return {
        "images": len(results),
        "free_images": sum(not result.defective for result in results),
        "marked_free_images": sum(r.marked for r in results if not r.defective),
        "pixels": vars(sum((result.counts for result in results), Counts())),
        "objects": vars(sum((result.objects for result in results), ObjectCounts())),
        **{
            name: {
                "value": None if np.isnan(value[0]) else float(value[0]),
                "interval_95": percentile_interval(resampled.get(name, nothing)),
            }
            for name, value in values.items()
        },
    }


def by_set(results: Sequence[ImageResult], bootstrap: Bootstrap) -> dict[str, Summary]:
    """Summarize each set on its own, with its classes and the bound on its false alarms."""
    names = sorted({result.annotation.set_name for result in results})
    return {
        name: _summarize_set([r for r in results if r.annotation.set_name == name], bootstrap)
        for name in names
    }


def _summarize_set(results: Sequence[ImageResult], bootstrap: Bootstrap) -> Summary:
    summary = summarize(results, bootstrap)
    free = summary["free_images"]
    bound = binomial_bound(summary["marked_free_images"], free) if free else None
    classes = by_defect(results, class_of, bootstrap)
    return {**summary, "false_alarm_bound_95": bound, "classes": classes}


def by_defect(
    results: Sequence[ImageResult], key: Callable[[PackedDefect], str], bootstrap: Bootstrap
) -> Summary:
    """Group defects by a property of theirs and summarize each group.

    Returns:
        By group: Dice with its 95 % interval over the groups of photographs that show it, recall
        and precision of its pixels (a false mark counts for the defect nearest to it), the share
        of defects found, PRO, and the counts.
    """
    kinds: dict[str, list[DefectResult]] = {}
    parts: dict[str, list[str]] = {}
    for result in results:
        for defect in result.defects:
            name = key(defect.defect)
            kinds.setdefault(name, []).append(defect)
            parts.setdefault(name, []).append(_group_of(result))
    return {
        name: {
            **_summarize_defects(kinds[name]),
            "dice_interval_95": _dice_interval(kinds[name], parts[name], bootstrap),
        }
        for name in sorted(kinds)
    }


def _dice_interval(
    defects: Sequence[DefectResult], groups: Sequence[str], bootstrap: Bootstrap
) -> Interval | None:
    """Return the 95 % interval of pooled Dice; None where fewer than two groups show them."""
    names, member_of = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < 2:
        return None
    pixels = np.zeros((len(names), 3))
    np.add.at(pixels, member_of, [(d.counts.tp, d.counts.fp, d.counts.fn) for d in defects])
    weights = group_weights(names.tolist(), resamples=bootstrap.resamples, seed=bootstrap.seed)
    return percentile_interval(overlap_of(*(weights @ pixels).T)["dice"])


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
