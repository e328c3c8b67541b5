"""The rule by which a version goes live: figures in, a decision out.

A candidate must not be worse than the champion on the same test images. The difference of pooled
Dice is resampled over groups, since images of one part err together, and its lower confidence bound
must stay above minus the margin (non-inferiority; Efron & Tibshirani 1993, chapter 13). Floors,
parity, size and latency are checked beside it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from blemish.config.promote import Comparison, Floors, Promote
from blemish.metrics.pixels import Counts

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PairedResult:
    """What two models made of one test image, each at its own threshold.

    Attributes:
        image_id: Safe stem of the image's name.
        set_name: Set that it comes from.
        group: Physical part that it shows; unique within its set.
        classes: Classes of its defects; empty when it is free.
        candidate: Pixel counts of the candidate.
        champion: Pixel counts of the champion; None where there is no champion.
    """

    image_id: str
    set_name: str
    group: str
    classes: tuple[str, ...]
    candidate: Counts
    champion: Counts | None


@dataclass(frozen=True)
class Measurements:
    """What was measured beside the test images.

    Attributes:
        size_bytes: Of the candidate's file.
        latency_ms: Median of the candidate for one tile.
        champion_latency_ms: Of the champion, measured in turns with it; None without a champion.
        parity_dice: Change of Dice from fp32 to int8; None for a candidate in fp32.
        parity_probability: Largest difference to PyTorch that export found; None where unknown.
    """

    size_bytes: int
    latency_ms: float
    champion_latency_ms: float | None = None
    parity_dice: float | None = None
    parity_probability: float | None = None


@dataclass(frozen=True)
class Check:
    """One line of the gate's table.

    Attributes:
        name: What was looked at.
        value: What it came to.
        bound: What is accepted, as a sign and a number.
        passed: Whether it is.
    """

    name: str
    value: float
    bound: str
    passed: bool


@dataclass(frozen=True)
class Difference:
    """Pooled Dice of the candidate less that of the champion, with its lower bound."""

    candidate: float
    champion: float
    mean: float
    low: float


@dataclass(frozen=True)
class Decision:
    """What the gate says of a candidate.

    Attributes:
        checks: Every figure with its bound.
        figures: Figures for the record, by name.
    """

    checks: tuple[Check, ...]
    figures: Mapping[str, float]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that did not."""
        return tuple(check for check in self.checks if not check.passed)


def decide(rule: Promote, results: Sequence[PairedResult], measured: Measurements) -> Decision:
    """Judge a candidate.

    Args:
        rule: The bounds.
        results: One entry for each test image.
        measured: Size, latency and parity.

    Returns:
        The decision with every figure that it rests on.
    """
    checks = [*_floor_checks(rule.floors, results)]
    figures = {"images": float(len(results)), "groups": float(len(_groups(results)))}
    if results and all(result.champion is not None for result in results):
        difference = compare(results, rule.comparison)
        checks = [*_comparison_checks(rule.comparison, difference, len(_groups(results))), *checks]
        figures |= {
            "dice": difference.candidate,
            "champion_dice": difference.champion,
            "dice_difference": difference.mean,
            "dice_difference_low": difference.low,
        }
    checks += _measured_checks(rule, measured)
    figures |= {"size_bytes": float(measured.size_bytes), "latency_ms": measured.latency_ms}
    if measured.champion_latency_ms is not None:
        figures["champion_latency_ms"] = measured.champion_latency_ms
    return Decision(tuple(checks), figures)


def compare(results: Sequence[PairedResult], comparison: Comparison) -> Difference:
    """Compare two models by a paired bootstrap over groups.

    Args:
        results: One entry for each test image, with a champion.
        comparison: Resamples, confidence and seed.

    Returns:
        The difference of pooled Dice and its one-sided lower bound.
    """
    names = _groups(results)
    position = {name: index for index, name in enumerate(names)}
    candidate, champion = (np.zeros((len(names), 3)) for _ in range(2))  # (G, [tp, fp, fn])
    for result in results:
        row = position[result.set_name, result.group]
        candidate[row] += _wrong_and_right(result.candidate)
        champion[row] += _wrong_and_right(result.champion or Counts())
    draws = np.random.default_rng(comparison.seed).multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=comparison.resamples
    )  # (R, G): how often each group was drawn
    differences = _dice(draws @ candidate) - _dice(draws @ champion)  # (R,)
    ours, theirs = (float(_dice(c.sum(axis=0, keepdims=True))[0]) for c in (candidate, champion))
    low = float(np.quantile(differences, 1 - comparison.confidence))
    return Difference(ours, theirs, ours - theirs, low)


def _comparison_checks(comparison: Comparison, found: Difference, groups: int) -> list[Check]:
    percent = round(comparison.confidence * 100)
    return [
        _at_least(
            f"Dice against the champion, {percent} % lower bound", found.low, -comparison.margin
        ),
        _at_least("Test groups compared", groups, comparison.groups),
    ]


def _floor_checks(floors: Floors, results: Sequence[PairedResult]) -> list[Check]:
    """Check pooled Dice over all images, each set, and the images that show each class."""
    checks = [_floor("Dice, all images", floors.all, results)]
    for name in sorted({result.set_name for result in results}):
        members = [result for result in results if result.set_name == name]
        if len(members) >= floors.images:
            bound = floors.exceptions.get(name, floors.per_set)
            checks.append(_floor(f"Dice, set {name}", bound, members))
    for name in sorted({name for result in results for name in result.classes}):
        members = [result for result in results if name in result.classes]
        if len(members) >= floors.images:
            bound = floors.exceptions.get(name, floors.per_class)
            checks.append(_floor(f"Dice, class {name}", bound, members))
    return checks


def _floor(name: str, bound: float, results: Iterable[PairedResult]) -> Check:
    pooled = sum((result.candidate for result in results), Counts())
    return _at_least(name, pooled.dice, bound)


def _measured_checks(rule: Promote, measured: Measurements) -> Iterator[Check]:
    if measured.parity_probability is not None:
        found, bound = measured.parity_probability, rule.parity.probability
        yield _at_most("Probability, PyTorch to ONNX", found, bound)
    if measured.parity_dice is not None:
        yield _at_most("Dice, fp32 to int8", abs(measured.parity_dice), rule.parity.dice)
    yield _at_most("Size, MB", measured.size_bytes / 1e6, rule.megabytes)
    if measured.champion_latency_ms:
        ratio = measured.latency_ms / measured.champion_latency_ms
        yield _at_most("Latency against the champion", ratio, rule.latency_ratio)


def _at_most(name: str, value: float, bound: float) -> Check:
    return Check(name, value, f"<= {bound:g}", value <= bound)


def _at_least(name: str, value: float, bound: float) -> Check:
    return Check(name, value, f">= {bound:g}", value >= bound)


def _groups(results: Iterable[PairedResult]) -> list[tuple[str, str]]:
    return sorted({(result.set_name, result.group) for result in results})


def _wrong_and_right(counts: Counts) -> tuple[int, int, int]:
    return counts.tp, counts.fp, counts.fn


def _dice(counts: Numbers) -> Numbers:
    """Return 2 TP / (2 TP + FP + FN) of rows ``[tp, fp, fn]``; 1.0 where all are zero."""
    found = 2 * counts[:, 0]
    whole = found + counts[:, 1] + counts[:, 2]
    ratio: Numbers = np.divide(found, whole, out=np.ones_like(whole), where=whole > 0)
    return ratio
