"""The rule by which a version goes live: numbers in, a decision out.

A candidate must not be worse than the champion on any set, on the same test images: Dice where the
set has labels, false alarms where it has defect-free images. Sets are never pooled. Floors, parity,
size and latency are checked beside it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from blemish.config.promote import ComparisonBounds, Floors, Promote
from blemish.metrics.pixels import Counts
from blemish.promotion.paired_comparison import PairedResult, compare, compare_false_alarms
from blemish.sets.layout import SYNTHETIC


@dataclass(frozen=True)
class Measurements:
    """What was measured beside the test images.

    Attributes:
        size_bytes: Of the candidate's file.
        latency_ms: Median of the candidate for one tile.
        champion_latency_ms: Of the champion, measured in turns with it; None without a champion.
        parity_dice: Change of Dice from fp32 to int8, on the set where it is largest; None for a
            candidate in fp32.
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
        name: What was checked, and on which set.
        value: The result.
        bound: What is accepted, as a sign and a number.
        passed: Whether the value is accepted.
    """

    name: str
    value: float
    bound: str
    passed: bool


@dataclass(frozen=True)
class Decision:
    """The decision of the gate about a candidate.

    Attributes:
        checks: Every number with its bound.
        metrics: Numbers for the record, by name.
        notes: Sentences on what was not compared, and why.
    """

    checks: tuple[Check, ...]
    metrics: Mapping[str, float]
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that did not."""
        return tuple(check for check in self.checks if not check.passed)


class _Findings(NamedTuple):
    checks: list[Check]
    metrics: dict[str, float]
    notes: list[str]


def decide(
    rule: Promote,
    results: Sequence[PairedResult],
    measured: Measurements,
    notes: Sequence[str] = (),
) -> Decision:
    """Judge a candidate.

    Args:
        rule: The bounds.
        results: One entry for each test image.
        measured: Size, latency and parity.
        notes: What the evidence lacks, for the record.

    Returns:
        The decision with every number that it rests on.
    """
    sets = _by_set(results)
    found = _Findings([], {"images": float(len(results)), "groups": 0.0}, list(notes))
    found.metrics["groups"] = float(sum(_groups(members) for members in sets.values()))
    if measured.champion_latency_ms is not None:
        _compare_sets(rule.comparison, sets, found)
    found.checks.extend(_floor_checks(rule.floors, sets))
    found.checks.extend(_measured_checks(rule, measured))
    found.metrics.update(size_bytes=float(measured.size_bytes), latency_ms=measured.latency_ms)
    if measured.champion_latency_ms is not None:
        found.metrics["champion_latency_ms"] = measured.champion_latency_ms
    return Decision(tuple(found.checks), found.metrics, tuple(found.notes))


def _compare_sets(
    rule: ComparisonBounds, sets: Mapping[str, Sequence[PairedResult]], found: _Findings
) -> None:
    """Compare both models on each set that has enough independent groups."""
    compared = [0]
    for name, members in sets.items():
        groups = _groups(members)
        if groups < rule.groups:
            found.notes.append(
                f"Set {name}: {groups} independent test groups are too few to compare; "
                f"{rule.groups} are needed."
            )
        else:
            _compare_set(rule, name, members, found, beside=len(sets) > 1)
        if name in _headline(sets):
            compared.append(groups)
    found.checks.append(_at_least("Independent test groups of a set", max(compared), rule.groups))


def _compare_set(
    rule: ComparisonBounds,
    name: str,
    members: Sequence[PairedResult],
    found: _Findings,
    *,
    beside: bool,
) -> None:
    """Compare false alarms and Dice of one set; fewer false alarms widen the margin of Dice.

    Args:
        rule: The bounds.
        name: Of the set.
        members: Its results.
        found: Gets the checks and their numbers.
        beside: Whether other sets are compared too; then the synthetic one has a margin of its own.
    """
    percent = round(rule.confidence * 100)
    margin = rule.margin
    defect_free = [result for result in members if not result.defective]
    if _groups(defect_free) >= rule.groups:
        alarms = compare_false_alarms(defect_free, rule)
        what = f"False alarms against the champion, set {name}, {percent} % upper bound"
        found.checks.append(_at_most(what, alarms.high, rule.false_alarms))
        found.metrics[f"{name}.false_alarms"] = alarms.candidate
        found.metrics[f"{name}.champion_false_alarms"] = alarms.champion
        found.metrics[f"{name}.false_alarms_difference_high"] = alarms.high
        margin = max(margin, rule.trade_margin) if alarms.high < 0 else margin
    elif defect_free:
        found.notes.append(
            f"Set {name}: {_groups(defect_free)} groups of defect-free test images are too few to "
            f"compare false alarms; {rule.groups} are needed."
        )
    if len(defect_free) < len(members):
        difference = compare(members, rule)
        margin = max(margin, rule.synthetic_margin) if beside and name == SYNTHETIC else margin
        what = f"Dice against the champion, set {name}, {percent} % lower bound"
        found.checks.append(_at_least(what, difference.low, -margin))
        found.metrics[f"{name}.dice"] = difference.candidate
        found.metrics[f"{name}.champion_dice"] = difference.champion
        found.metrics[f"{name}.dice_difference"] = difference.mean
        found.metrics[f"{name}.dice_difference_low"] = difference.low


def _floor_checks(floors: Floors, sets: Mapping[str, Sequence[PairedResult]]) -> Iterator[Check]:
    """Check Dice of each labelled headline set, and of its images that show each class."""
    labelled = {
        name: members
        for name, members in sets.items()
        if any(result.defective for result in members)
    }
    for name in _headline(labelled):
        members = labelled[name]
        if len(members) >= floors.images:
            bound = floors.exceptions.get(name, floors.per_set)
            yield _floor(f"Dice, set {name}", bound, members)
        for kind in sorted({kind for result in members for kind in result.classes}):
            showing = [result for result in members if kind in result.classes]
            if len(showing) >= floors.images:
                bound = floors.exceptions.get(kind, floors.per_class)
                bound = floors.exceptions.get(f"{name}/{kind}", bound)
                yield _floor(f"Dice, set {name}, class {kind}", bound, showing)


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


def _by_set(results: Iterable[PairedResult]) -> dict[str, list[PairedResult]]:
    sets: dict[str, list[PairedResult]] = {}
    for result in results:
        sets.setdefault(result.set_name, []).append(result)
    return dict(sorted(sets.items()))


def _headline(sets: Mapping[str, object]) -> list[str]:
    """Return the user's sets where there are any, else the synthetic one."""
    return [name for name in sets if name != SYNTHETIC] or list(sets)


def _groups(results: Iterable[PairedResult]) -> int:
    return len({(result.set_name, result.group) for result in results})
