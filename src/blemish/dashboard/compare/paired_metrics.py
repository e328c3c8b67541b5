"""Metrics of a comparison, each with how sure we are of it; no widget, no rule of its own."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from blemish.dashboard.compare.compared_images import ComparedImage, MeasuredImage
from blemish.dashboard.compare.threshold_levels import ThresholdGrid
from blemish.metrics import Counts, Interval, Sweep, group_weights, percentile_interval

_RESAMPLES = 500
_SEED = 7
_WORDS = {
    "Dice": "Overlap with the truth (Dice)",
    "IoU": "Intersection over union (IoU)",
    "Precision": "Marked pixels that are defective (precision)",
    "Recall": "Defective pixels that are marked (recall)",
}


@dataclass(frozen=True)
class PairedMetric:
    """One metric of both versions and their difference.

    Attributes:
        name: What it is.
        a: Value of the first version.
        b: Value of the second version.
        difference: ``b - a``, paired: both on the same resampled groups.
        interval_a: 95 % interval of ``a``; None where all images are of one group.
        interval_b: 95 % interval of ``b``; None likewise.
        interval_difference: 95 % interval of the difference; None likewise.
    """

    name: str
    a: float
    b: float
    difference: float
    interval_a: Interval | None
    interval_b: Interval | None
    interval_difference: Interval | None

    @property
    def words(self) -> str:
        """What it is, as a person says it."""
        return _WORDS[self.name]

    def texts(self, digits: int) -> tuple[str, str, str]:
        """Return A, B and the difference, each with its interval, at so many decimals."""
        return (
            _text(self.a, self.interval_a, f".{digits}f"),
            _text(self.b, self.interval_b, f".{digits}f"),
            _text(self.difference, self.interval_difference, f"+z.{digits}f"),
        )


def _text(value: float, interval: Interval | None, spec: str) -> str:
    if interval is None:
        return f"{value:{spec}}"
    return f"{value:{spec}} ({interval.low:{spec}} to {interval.high:{spec}})"


def paired_metrics(compared: Sequence[ComparedImage]) -> tuple[PairedMetric, ...]:
    """Return Dice, IoU, precision and recall pooled over images with truth; empty without any."""
    judged = [one for one in compared if one.a is not None and one.b is not None]
    if not judged:
        return ()
    tables = _table([one.a for one in judged]), _table([one.b for one in judged])
    groups = [one.part for one in judged]
    weights = None
    if len(set(groups)) > 1:
        weights = group_weights(groups, resamples=_RESAMPLES, seed=_SEED)
    return tuple(
        _metric(name, read, tables, weights)
        for name, read in (
            ("Dice", lambda counts: counts.dice),
            ("IoU", lambda counts: counts.iou),
            ("Precision", lambda counts: counts.precision),
            ("Recall", lambda counts: counts.recall),
        )
    )


def by_class(compared: Sequence[ComparedImage]) -> tuple[tuple[str, float, float, int], ...]:
    """Return class, pooled Dice of A and of B, and images, over the images that show the class."""
    classes = sorted({name for one in compared for name in one.entry.classes})
    rows = []
    for name in classes:
        shown = [b for b in compared if name in b.entry.classes and b.a is not None]
        if shown:
            rows.append(
                (name, pooled(b.a for b in shown).dice, pooled(b.b for b in shown).dice, len(shown))
            )
    return tuple(rows)


def pooled(counts: Iterable[Counts | None]) -> Counts:
    """Add outcomes up."""
    return sum((one for one in counts if one is not None), Counts())


def sweep(measured: Sequence[MeasuredImage], grid: ThresholdGrid, side: int) -> Sweep:
    """Return the pooled metrics of a version at every threshold of the grid but 0.

    Precision is not a number where nothing is marked.

    Args:
        measured: Images with truth.
        grid: The thresholds.
        side: 0 for A, 1 for B.
    """
    number = len(grid.values)
    counted = np.zeros((2, number + 1), np.int64)  # defect-free and defective pixels by level
    for one in measured:
        for truth in (0, 1):
            chosen = one.truth == bool(truth)
            np.add.at(counted[truth], one.levels[chosen, side], one.pixels[chosen])
    marked = counted[:, ::-1].cumsum(axis=1)[:, ::-1]  # by level or above
    every = counted.sum(axis=1)
    outcomes = [
        Counts(int(tp), int(fp), int(every[1] - tp), int(every[0] - fp))
        for fp, tp in marked[:, 2:].T
    ]
    return Sweep(
        threshold=grid.values[1:].astype(np.float64),
        dice=np.array([one.dice for one in outcomes]),
        iou=np.array([one.iou for one in outcomes]),
        # Where nothing is marked no share of the marked pixels is defective: no point of a curve.
        precision=np.array([one.precision if one.tp + one.fp else np.nan for one in outcomes]),
        recall=np.array([one.recall for one in outcomes]),
    )


Table = npt.NDArray[np.float64]


def _table(counts: Sequence[Counts | None]) -> Table:
    """Return outcomes as rows, shape ``(N, 4)``."""
    return np.array([[c.tp, c.fp, c.fn, c.tn] for c in counts if c is not None], np.float64)


def _metric(
    name: str,
    read: Callable[[Counts], float],
    tables: tuple[Table, Table],
    weights: Table | None,
) -> PairedMetric:
    """Read one metric off both tables, whole and at every resample (``weights``: ``(R, N)``)."""
    a, b = (read(_counts(table.sum(axis=0))) for table in tables)
    if weights is None:
        return PairedMetric(name, a, b, b - a, None, None, None)
    drawn_a, drawn_b = (
        np.array([read(_counts(row)) for row in weights @ table]) for table in tables
    )
    return PairedMetric(
        name=name,
        a=a,
        b=b,
        difference=b - a,
        interval_a=percentile_interval(drawn_a),
        interval_b=percentile_interval(drawn_b),
        interval_difference=percentile_interval(drawn_b - drawn_a),
    )


def _counts(row: Table) -> Counts:
    return Counts(*(round(float(number)) for number in row))
