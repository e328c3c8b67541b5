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
        size_bytes: Size of the candidate's file.
        latency_ms: Median of the candidate for one tile.
        champion_latency_ms: Latency of the champion, measured in turns with it; None without one.
        parity_dice: Change of Dice from fp32 to int8, on the set where it is largest; None for a
            candidate in fp32.
        parity_probability: Largest difference to PyTorch that export found; None where unknown.
    """

    size_bytes: int
    latency_ms: float
    champion_latency_ms: float | None = None
    parity_dice: float | None = None
    parity_probability: float | None = None

    @property
    def against_champion(self) -> bool:
        """Whether there is a champion to compare with."""
        return self.champion_latency_ms is not None


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
    """What the comparison of one set gives; the parts are those of a decision."""

    checks: tuple[Check, ...] = ()
    metrics: Mapping[str, float] = {}
    notes: tuple[str, ...] = ()


def decide(
    bounds: Promote,
    results: Sequence[PairedResult],
    measured: Measurements,
    notes: Sequence[str] = (),
) -> Decision:
    """Judge a candidate.

    Args:
        bounds: What is accepted.
        results: One entry for each test image.
        measured: Size, latency and parity.
        notes: What the evidence lacks, for the record.

    Returns:
        The decision with every number that it rests on.
    """
    sets = _by_set(results)
    groups = sum(_groups(members) for members in sets.values())
    found = [_Findings((), {"images": float(len(results)), "groups": float(groups)}, (*notes,))]
    if measured.against_champion:
        found += _compare_sets(bounds.comparison, sets)
    found.append(_Findings(tuple(_floor_checks(bounds.floors, sets))))
    found.append(_judge_measured(bounds, measured))
    return Decision(
        tuple(check for each in found for check in each.checks),
        {name: value for each in found for name, value in each.metrics.items()},
        tuple(note for each in found for note in each.notes),
    )


def _compare_sets(
    bounds: ComparisonBounds, sets: Mapping[str, Sequence[PairedResult]]
) -> Iterator[_Findings]:
    """Compare both models on each set that has enough independent groups."""
    for name, members in sets.items():
        groups = _groups(members)
        if groups < bounds.groups:
            note = (
                f"Set {name}: {groups} independent test groups are too few to compare; "
                f"{bounds.groups} are needed."
            )
            yield _Findings(notes=(note,))
            continue
        alarms = _compare_alarms_of(bounds, name, members)
        yield alarms
        yield _compare_dice_of(bounds, name, members, _margin(bounds, name, sets, alarms))
    largest = max((_groups(sets[name]) for name in _headline(sets)), default=0)
    yield _Findings(
        (_at_least("Independent test groups of a set", largest, bounds.groups),),
    )


def _compare_alarms_of(
    bounds: ComparisonBounds, name: str, members: Sequence[PairedResult]
) -> _Findings:
    """Compare the share of defect-free images of a set that each model marks."""
    defect_free = [result for result in members if not result.defective]
    groups = _groups(defect_free)
    if groups < bounds.groups:
        note = (
            f"Set {name}: {groups} groups of defect-free test images are too few to "
            f"compare false alarms; {bounds.groups} are needed."
        )
        return _Findings(notes=(note,) if defect_free else ())
    alarms = compare_false_alarms(defect_free, bounds)
    what = f"False alarms against the champion, set {name}, {_percent(bounds)} % upper bound"
    return _Findings(
        (_at_most(what, alarms.high, bounds.false_alarms),),
        {
            f"{name}.false_alarms": alarms.candidate,
            f"{name}.champion_false_alarms": alarms.champion,
            f"{name}.false_alarms_difference_high": alarms.high,
        },
    )


def _margin(
    bounds: ComparisonBounds, name: str, sets: Mapping[str, object], alarms: _Findings
) -> float:
    """Return the Dice that a set may lose: more where its false alarms surely fall.

    Beside other sets the synthetic one has a margin of its own.
    """
    margin = bounds.margin
    if alarms.metrics.get(f"{name}.false_alarms_difference_high", 0.0) < 0:
        margin = max(margin, bounds.trade_margin)
    if name == SYNTHETIC and len(sets) > 1:
        margin = max(margin, bounds.synthetic_margin)
    return margin


def _compare_dice_of(
    bounds: ComparisonBounds, name: str, members: Sequence[PairedResult], margin: float
) -> _Findings:
    """Compare Dice of a set that has labels."""
    if not any(result.defective for result in members):
        return _Findings()
    difference = compare(members, bounds)
    what = f"Dice against the champion, set {name}, {_percent(bounds)} % lower bound"
    return _Findings(
        (_at_least(what, difference.low, -margin),),
        {
            f"{name}.dice": difference.candidate,
            f"{name}.champion_dice": difference.champion,
            f"{name}.dice_difference": difference.mean,
            f"{name}.dice_difference_low": difference.low,
        },
    )


def _percent(bounds: ComparisonBounds) -> int:
    return round(bounds.confidence * 100)


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


def _judge_measured(bounds: Promote, measured: Measurements) -> _Findings:
    """Check parity, size and latency."""
    checks = []
    if measured.parity_probability is not None:
        found, bound = measured.parity_probability, bounds.parity.probability
        checks.append(_at_most("Probability, PyTorch to ONNX", found, bound))
    if measured.parity_dice is not None:
        change = abs(measured.parity_dice)
        checks.append(_at_most("Dice, fp32 to int8", change, bounds.parity.dice))
    checks.append(_at_most("Size, MB", measured.size_bytes / 1e6, bounds.megabytes))
    metrics = {"size_bytes": float(measured.size_bytes), "latency_ms": measured.latency_ms}
    if measured.champion_latency_ms is not None:
        ratio = measured.latency_ms / measured.champion_latency_ms
        checks.append(_at_most("Latency against the champion", ratio, bounds.latency_ratio))
        metrics["champion_latency_ms"] = measured.champion_latency_ms
    return _Findings(tuple(checks), metrics)


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
