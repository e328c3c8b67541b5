"""Escapes and false alarms: what two versions decide about parts, and how sure the difference is.

An image is called defective when the operating point marks any pixel of it. A part is the images of
one group: it is defective if any of them is, and called defective if any of them is called so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from blemish.errors import ShapeError
from blemish.metrics.intervals import Interval

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class PairedCalls:
    """The truth of some images or parts, and what versions A and B call them.

    Attributes:
        names: Of the images or parts, N of them.
        defective: Truth, shape ``(N,)``, bool.
        a: Called defective by A, same shape and dtype.
        b: Called defective by B, likewise.

    Raises:
        ShapeError: The shapes differ.
    """

    names: tuple[str, ...]
    defective: Flags
    a: Flags
    b: Flags

    def __post_init__(self) -> None:
        expected = (len(self.names),)
        for flags in (self.defective, self.a, self.b):
            if flags.shape != expected:
                raise ShapeError(f"Calls have the shape {flags.shape}; expected {expected}.")

    @classmethod
    def of(cls, rows: Sequence[tuple[str, bool, bool, bool]]) -> Self:
        """Make calls from rows of name, truth, call of A, call of B."""
        flags = np.array([row[1:] for row in rows], np.bool_).reshape(len(rows), 3)
        return cls(tuple(row[0] for row in rows), flags[:, 0], flags[:, 1], flags[:, 2])

    def __len__(self) -> int:
        return len(self.names)

    def by_part(self) -> "PairedCalls":
        """Join rows of one name into one: defective, or called so, if any of them is."""
        names, part = np.unique(np.array(self.names, np.object_), return_inverse=True)
        joined = [
            np.bincount(part, weights=flags, minlength=len(names)) > 0
            for flags in (self.defective, self.a, self.b)
        ]
        return PairedCalls(tuple(str(name) for name in names), *joined)

    def count(self, *, defective: bool, a: bool, b: bool) -> int:
        """Return how many have this truth and these calls: a cell of the 2 x 2 matrix."""
        return int(((self.defective == defective) & (self.a == a) & (self.b == b)).sum())

    @property
    def escapes(self) -> "PairedShare":
        """Defective ones that are missed, of all defective ones."""
        return _paired(~self.a[self.defective], ~self.b[self.defective])

    @property
    def false_alarms(self) -> "PairedShare":
        """Defect-free ones that are flagged, of all defect-free ones."""
        return _paired(self.a[~self.defective], self.b[~self.defective])


@dataclass(frozen=True)
class PairedShare:
    """How many of the same N are hit under A and under B.

    Attributes:
        total: N.
        a: Hit under A.
        b: Hit under B.
        interval_a: 95 % interval of the share under A (Wilson 1927); None where N is 0.
        interval_b: Likewise under B.
        difference: Share of B minus share of A; 0 where N is 0.
        interval_difference: Its 95 % interval for paired shares (Newcombe 1998, method 10).
    """

    total: int
    a: int
    b: int
    interval_a: Interval | None
    interval_b: Interval | None
    difference: float
    interval_difference: Interval | None


def _paired(a: Flags, b: Flags) -> PairedShare:
    total = len(a)
    hits = int(a.sum()), int(b.sum())
    if total == 0:
        return PairedShare(0, 0, 0, None, None, 0.0, None)
    wilson_a, wilson_b = (_wilson(count, total) for count in hits)
    return PairedShare(
        total,
        *hits,
        wilson_a,
        wilson_b,
        (hits[1] - hits[0]) / total,
        _newcombe(a, b, wilson_a, wilson_b),
    )


def _wilson(count: int, total: int) -> Interval:
    found = binomtest(count, total).proportion_ci(0.95, method="wilson")
    return Interval(float(found.low), float(found.high))


def _newcombe(a: Flags, b: Flags, wilson_a: Interval, wilson_b: Interval) -> Interval:
    """Return the interval of ``mean(b) - mean(a)`` from those of the single shares.

    Both shares are of the same parts, so that their errors go together: phi is their correlation.
    """
    share_a, share_b = float(a.mean()), float(b.mean())
    phi = _phi(a, b)
    below_b, above_b = share_b - wilson_b.low, wilson_b.high - share_b
    below_a, above_a = share_a - wilson_a.low, wilson_a.high - share_a
    low = sqrt(max(0.0, below_b**2 - 2 * phi * below_b * above_a + above_a**2))
    high = sqrt(max(0.0, above_b**2 - 2 * phi * above_b * below_a + below_a**2))
    difference = share_b - share_a
    return Interval(max(-1.0, difference - low), min(1.0, difference + high))


def _phi(a: Flags, b: Flags) -> float:
    """Return the correlation of the calls, corrected for continuity; 0 if undefined."""
    both, neither = int((a & b).sum()), int((~a & ~b).sum())
    only_a, only_b = int((a & ~b).sum()), int((~a & b).sum())
    scale = float(both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither)
    if scale == 0:
        return 0.0
    excess = float(both * neither - only_a * only_b)
    if excess > 0:
        excess = max(excess - len(a) / 2, 0.0)
    return excess / sqrt(scale)
