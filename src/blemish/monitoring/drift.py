"""Whether the images that arrive still look like those of training.

For each statistic of an image the model file carries how the training images fell into bins
between their deciles. The newest images are counted into the same bins, and the two are compared
by the population stability index, ``sum (p - q) ln(p / q)``. Where nothing has changed, the index
divided by ``1/n + 1/m`` follows a chi-square law with one degree of freedom less than there are
bins (Yurdakul, "Statistical properties of population stability index", 2018). That law gives the
bound: all statistics together are flagged in no more than the stated share of undrifted windows
(Bonferroni).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import chdtri  # scipy.stats takes a second to import

_CONTINUITY = 0.5  # added to each count, so that an empty bin has a logarithm
_FEWEST = 50  # images below which the chi-square law is no guide

_TITLES = {
    "brightness": "Brightness",
    "contrast": "Contrast",
    "sharpness": "Sharpness",
    "spectrum_1": "Structure, coarse",
    "spectrum_2": "Structure, medium",
    "spectrum_3": "Structure, fine",
    "spectrum_4": "Structure, grain",
    "probability_mass": "Mean probability of a defect",
}

Values = npt.NDArray[np.float64]


def title(name: str) -> str:
    """Return what a person calls a statistic; the name itself where it is not known."""
    return _TITLES.get(name, name)


@dataclass(frozen=True)
class Reference:
    """How training images fell into bins.

    Attributes:
        edges: Inner edges, ascending.
        counts: Images in each bin, one more than edges.
        mean: Mean of the statistic over the training images.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    mean: float


@dataclass(frozen=True)
class Shift:
    """What one statistic did.

    Attributes:
        name: Name of the statistic.
        index: Population stability index; 0 when nothing changed.
        bound: From which on it counts as moved.
        training_mean: Mean over the training images.
        mean: Mean over the newest.
        training: Share of the training images in each bin.
        newest: Share of the newest images in each bin.
    """

    name: str
    index: float
    bound: float
    training_mean: float
    mean: float
    training: tuple[float, ...]
    newest: tuple[float, ...]

    @property
    def moved(self) -> bool:
        """Whether the index is beyond its bound."""
        return self.index > self.bound


def read_references(statistics: Mapping[str, Any]) -> dict[str, Reference]:
    """Read the training statistics of a model file; what it does not hold is left out."""
    numbers = statistics.get("figures", statistics)
    found = {}
    for name, entry in numbers.items():
        if isinstance(entry, Mapping) and "edges" in entry and len(entry["counts"]) > 1:
            found[name] = Reference(
                tuple(entry["edges"]), tuple(entry["counts"]), float(entry["mean"])
            )
    return found


def compare(
    references: Mapping[str, Reference],
    numbers: Mapping[str, Values],
    *,
    false_alarm_rate: float,
    min_psi: float,
) -> tuple[Shift, ...]:
    """Compare the newest images with training, statistic by statistic.

    Args:
        references: Training statistics, by name.
        numbers: Those of the newest images, by name; each of shape ``(N,)``, NaN where unknown.
        false_alarm_rate: Share of undrifted windows in which any statistic may be flagged.
        min_psi: Index below which nothing is flagged, however sure it is.

    Returns:
        One for each statistic that both have, the most moved first; none with fewer than 50
        images.
    """
    known = {name: values[np.isfinite(values)] for name, values in numbers.items()}
    counted = {
        name: count_values(reference, known[name])
        for name, reference in references.items()
        if name in known
    }
    return compare_counts(references, counted, false_alarm_rate=false_alarm_rate, min_psi=min_psi)


@dataclass
class Counted:
    """Images in the bins of a reference; they can be counted a part at a time."""

    counts: npt.NDArray[np.int64]
    """In each bin, shape ``(K,)``."""
    total: float
    """Sum of the values."""

    def add(self, other: "Counted") -> None:
        """Count further images."""
        self.counts = self.counts + other.counts
        self.total += other.total


def count_values(reference: Reference, values: Values) -> Counted:
    """Count images into the bins of a reference.

    Args:
        reference: Training statistic.
        values: Values of the images, shape ``(N,)``, finite.
    """
    places = np.digitize(values, reference.edges)
    return Counted(np.bincount(places, minlength=len(reference.counts)), float(values.sum()))


def compare_counts(
    references: Mapping[str, Reference],
    counted: Mapping[str, Counted],
    *,
    false_alarm_rate: float,
    min_psi: float,
) -> tuple[Shift, ...]:
    """Compare images that were counted already; see :func:`compare`."""
    names = [
        name
        for name in references
        if name in counted and int(counted[name].counts.sum()) >= _FEWEST
    ]
    shifts = [
        _shift(name, references[name], counted[name], false_alarm_rate / len(names), min_psi)
        for name in names
    ]
    return tuple(sorted(shifts, key=lambda shift: shift.bound - shift.index))


def _shift(
    name: str, reference: Reference, newest: Counted, false_alarm_rate: float, min_psi: float
) -> Shift:
    counts = newest.counts
    training = np.asarray(reference.counts, np.float64)
    law = float(chdtri(len(counts) - 1, false_alarm_rate))
    spread = 1 / counts.sum() + 1 / training.sum()
    return Shift(
        name=name,
        index=population_stability_index(training, counts.astype(np.float64)),
        bound=max(min_psi, law * float(spread)),
        training_mean=reference.mean,
        mean=newest.total / int(counts.sum()),
        training=tuple(training / training.sum()),
        newest=tuple(counts / counts.sum()),
    )


def population_stability_index(before: Values, after: Values) -> float:
    """Compare two histograms over the same bins.

    Args:
        before: Counts, shape ``(K,)``.
        after: Counts, same shape.

    Returns:
        At least 0; 0 for equal shares.
    """
    p = (before + _CONTINUITY) / (before + _CONTINUITY).sum()
    q = (after + _CONTINUITY) / (after + _CONTINUITY).sum()
    return float(((p - q) * np.log(p / q)).sum())
