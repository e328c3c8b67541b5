"""Figures of a comparison, each with how sure we are of it; no widget, no rule of its own."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from blemish.dashboard.image_collections import ImageEntry
from blemish.metrics import Counts, Interval, group_weights, percentile_interval

_RESAMPLES = 500
_SEED = 7
_SMALL, _LARGE = 0.002, 0.02  # shares of an image; a scratch and a patch

SIZES = ("no defect", "small", "medium", "large")
ORDERS = {
    "disagreement": "Disagreement",
    "loss_a": "Loss of A",
    "loss_b": "Loss of B",
    "gain": "Where B is better",
    "name": "Name",
}


@dataclass(frozen=True)
class ComparedImage:
    """What came of one image, each version at its own threshold.

    Attributes:
        index: Of the image in its collection.
        entry: What the collection knows of it.
        disagreement: Share of the pixels that the versions decide differently, in [0, 1].
        a: Outcomes of the first version; None without truth.
        b: Of the second.
        area: Share of the pixels that are defective by truth; by the first version without truth.
        thumbnail: A small image as a ``data:`` address.
    """

    index: int
    entry: ImageEntry
    disagreement: float
    a: Counts | None
    b: Counts | None
    area: float
    thumbnail: str = field(default="", repr=False)


@dataclass(frozen=True)
class PairedMetric:
    """One figure of both versions and their difference.

    Attributes:
        name: What it is.
        a: Of the first version, with its 95 % interval where one can be had.
        b: Of the second.
        difference: ``b - a``, paired: both on the same resampled groups.
    """

    name: str
    a: float
    b: float
    difference: float
    interval_a: Interval | None
    interval_b: Interval | None
    interval_difference: Interval | None


def paired_metrics(compared: Sequence[ComparedImage]) -> tuple[PairedMetric, ...]:
    """Return Dice, IoU, precision and recall pooled over images with truth; empty without any."""
    judged = [one for one in compared if one.a is not None and one.b is not None]
    if not judged:
        return ()
    tables = _table([one.a for one in judged]), _table([one.b for one in judged])
    groups = [f"{one.entry.set_name}/{one.entry.group or one.entry.image_id}" for one in judged]
    weights = None
    if len(set(groups)) > 1:
        weights = group_weights(groups, resamples=_RESAMPLES, seed=_SEED)
    return tuple(
        _figure(name, read, tables, weights)
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


def size_of(one: ComparedImage) -> str:
    """Return which of :data:`SIZES` an image's defects are."""
    if one.area == 0:
        return SIZES[0]
    return SIZES[1] if one.area < _SMALL else SIZES[2] if one.area < _LARGE else SIZES[3]


def ordered(compared: Sequence[ComparedImage], order: str) -> list[ComparedImage]:
    """Sort by one of :data:`ORDERS`, the telling ones first; ties by name."""
    key: Callable[[ComparedImage], float] = {
        "disagreement": lambda one: one.disagreement,
        "loss_a": lambda one: 1 - one.a.dice if one.a else 0.0,
        "loss_b": lambda one: 1 - one.b.dice if one.b else 0.0,
        "gain": lambda one: one.b.dice - one.a.dice if one.a and one.b else 0.0,
        "name": lambda _: 0.0,
    }[order]
    return sorted(compared, key=lambda one: (-key(one), one.entry.image_id))


Table = npt.NDArray[np.float64]


def _table(counts: Sequence[Counts | None]) -> Table:
    """Return outcomes as rows, shape ``(N, 4)``."""
    return np.array([[c.tp, c.fp, c.fn, c.tn] for c in counts if c is not None], np.float64)


def _figure(
    name: str,
    read: Callable[[Counts], float],
    tables: tuple[Table, Table],
    weights: Table | None,
) -> PairedMetric:
    """Read one figure off both tables, whole and at every resample (``weights``: ``(R, N)``)."""
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
