"""Figures of a contest, each with how sure we are of it; no widget, no rule of its own."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from blemish.dashboard.albums import Entry
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
class Bout:
    """What came of one image, each version at its own threshold.

    Attributes:
        index: Of the image in its album.
        entry: What the album knows of it.
        disagreement: Share of the pixels that the versions decide differently, in [0, 1].
        a: Outcomes of the first version; None without truth.
        b: Of the second.
        area: Share of the pixels that are defective by truth; by the first version without truth.
        thumbnail: A small picture as a ``data:`` address.
    """

    index: int
    entry: Entry
    disagreement: float
    a: Counts | None
    b: Counts | None
    area: float
    thumbnail: str = field(default="", repr=False)


@dataclass(frozen=True)
class Figure:
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


def figures(bouts: Sequence[Bout]) -> tuple[Figure, ...]:
    """Return Dice, IoU, precision and recall pooled over images with truth; empty without any."""
    judged = [bout for bout in bouts if bout.a is not None and bout.b is not None]
    if not judged:
        return ()
    tables = _table([bout.a for bout in judged]), _table([bout.b for bout in judged])
    groups = [f"{bout.entry.set_name}/{bout.entry.group or bout.entry.image_id}" for bout in judged]
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


def by_class(bouts: Sequence[Bout]) -> tuple[tuple[str, float, float, int], ...]:
    """Return class, pooled Dice of A and of B, and images, over the images that show the class."""
    classes = sorted({name for bout in bouts for name in bout.entry.classes})
    rows = []
    for name in classes:
        shown = [b for b in bouts if name in b.entry.classes and b.a is not None]
        if shown:
            rows.append(
                (name, pooled(b.a for b in shown).dice, pooled(b.b for b in shown).dice, len(shown))
            )
    return tuple(rows)


def pooled(counts: Iterable[Counts | None]) -> Counts:
    """Add outcomes up."""
    return sum((one for one in counts if one is not None), Counts())


def size_of(bout: Bout) -> str:
    """Return which of :data:`SIZES` an image's defects are."""
    if bout.area == 0:
        return SIZES[0]
    return SIZES[1] if bout.area < _SMALL else SIZES[2] if bout.area < _LARGE else SIZES[3]


def ordered(bouts: Sequence[Bout], order: str) -> list[Bout]:
    """Sort by one of :data:`ORDERS`, the telling ones first; ties by name."""
    key: Callable[[Bout], float] = {
        "disagreement": lambda bout: bout.disagreement,
        "loss_a": lambda bout: 1 - bout.a.dice if bout.a else 0.0,
        "loss_b": lambda bout: 1 - bout.b.dice if bout.b else 0.0,
        "gain": lambda bout: bout.b.dice - bout.a.dice if bout.a and bout.b else 0.0,
        "name": lambda _: 0.0,
    }[order]
    return sorted(bouts, key=lambda bout: (-key(bout), bout.entry.image_id))


Table = npt.NDArray[np.float64]


def _table(counts: Sequence[Counts | None]) -> Table:
    """Return outcomes as rows, shape ``(N, 4)``."""
    return np.array([[c.tp, c.fp, c.fn, c.tn] for c in counts if c is not None], np.float64)


def _figure(
    name: str,
    read: Callable[[Counts], float],
    tables: tuple[Table, Table],
    weights: Table | None,
) -> Figure:
    """Read one figure off both tables, whole and at every resample (``weights``: ``(R, N)``)."""
    a, b = (read(_counts(table.sum(axis=0))) for table in tables)
    if weights is None:
        return Figure(name, a, b, b - a, None, None, None)
    drawn_a, drawn_b = (
        np.array([read(_counts(row)) for row in weights @ table]) for table in tables
    )
    return Figure(
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
