"""What came of a job: counts, drift, and the images most worth a person's look."""

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from blemish.config.monitor import Drift
from blemish.image_statistics import NAMES
from blemish.model_card import ModelCard
from blemish.monitoring.drift import (
    Counted,
    Reference,
    Shift,
    compare_counts,
    count_values,
    read_references,
)
from blemish.scoring.score_schema import FAILED
from blemish.scoring.shard_parts import ShardParts
from blemish.terminal_text import printable

WORTH_A_LOOK = 50
"""How many of the least sure images are listed, and as many of the most unlike training."""
_COLUMNS = [
    "uri",
    "status",
    "error_type",
    "defective",
    "defect_count",
    "probability_max",
    "warnings",
    *NAMES,
]
_FLOOR = 1e-6  # probability that is as good as none


@dataclass(order=True, frozen=True)
class WorthLook:
    """An image that a person should see."""

    rank: float
    """Higher is more worth."""
    uri: str
    why: str


@dataclass
class ScoreTotals:
    """Counts of a job, added up a part at a time."""

    card: ModelCard
    images: int = 0
    failed: int = 0
    defective: int = 0
    defects: int = 0
    warned: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    counted: dict[str, Counted] = field(default_factory=dict)
    unsure: list[WorthLook] = field(default_factory=list)
    """A heap of the least sure."""
    unlike: list[WorthLook] = field(default_factory=list)
    """A heap of the most unlike training."""

    def add(self, part: pa.Table) -> None:
        """Add the images of one part."""
        self.images += len(part)
        failed = part.filter(pc.equal(part["status"], FAILED))
        self.failed += len(failed)
        self.errors.update(failed["error_type"].to_pylist())
        scored = part.filter(pc.not_equal(part["status"], FAILED))
        self.defective += pc.sum(scored["defective"]).as_py() or 0
        self.defects += pc.sum(scored["defect_count"]).as_py() or 0
        self.warned += int(
            np.count_nonzero(pc.greater(pc.list_value_length(scored["warnings"]), 0))
        )
        references = read_references(self.card.statistics)
        for name in set(NAMES) & set(references):
            self._count(name, references[name], scored[name].to_numpy())
        names = scored["uri"].to_pylist()
        self._rank_unsure(names, scored["probability_max"].to_numpy())
        self._rank_unlike(names, {name: scored[name].to_numpy() for name in NAMES})

    def shifts(self, limits: Drift) -> tuple[Shift, ...]:
        """Compare the images with those of training."""
        return compare_counts(
            read_references(self.card.statistics),
            self.counted,
            false_alarm_rate=limits.false_alarm_rate,
            min_psi=limits.min_psi,
        )

    def _count(self, name: str, reference: Reference, values: Any) -> None:
        counted = count_values(reference, values)
        if name in self.counted:
            self.counted[name].add(counted)
        else:
            self.counted[name] = counted

    def _rank_unsure(self, names: Sequence[str], highest: Any) -> None:
        """Rank by how near the highest probability is to the one that makes an image defective."""
        decides = max(self.card.point.threshold, self.card.point.peak)
        distances = np.abs(_logit(highest) - float(_logit(np.array(decides))))
        for name, distance, value in zip(names, distances, highest, strict=True):
            why = f"highest probability {value:.3f}, decided at {decides:.3f}"
            _keep(self.unsure, WorthLook(-float(distance), name, why))

    def _rank_unlike(self, names: Sequence[str], columns: Mapping[str, Any]) -> None:
        """Rank by the statistic that is furthest from training, in standard deviations."""
        numbers = self.card.statistics.get("figures", self.card.statistics)
        known = [n for n in columns if isinstance(numbers.get(n), Mapping) and "std" in numbers[n]]
        if not known:
            return
        deviations = np.abs(
            [(columns[n] - numbers[n]["mean"]) / max(numbers[n]["std"], _FLOOR) for n in known]
        )
        worst = deviations.argmax(axis=0)
        for index, name in enumerate(names):
            far, statistic = float(deviations[worst[index], index]), known[worst[index]]
            why = f"{statistic} is {far:.1f} standard deviations from training"
            _keep(self.unlike, WorthLook(far, name, why))


def _keep(heap: list[WorthLook], item: WorthLook) -> None:
    if len(heap) < WORTH_A_LOOK:
        heapq.heappush(heap, item)
    else:
        heapq.heappushpop(heap, item)


def _logit(probability: Any) -> Any:
    clipped = np.clip(probability, _FLOOR, 1 - _FLOOR)
    return np.log(clipped / (1 - clipped))


def add_up(parts: ShardParts, card: ModelCard) -> ScoreTotals:
    """Read what every shard that is done says, one after the other."""
    totals = ScoreTotals(card)
    for shard in sorted(parts.commits):
        totals.add(parts.read("images", shard, _COLUMNS))
    return totals


def describe_totals(totals: ScoreTotals, limits: Drift) -> dict[str, Any]:
    """Return the part of ``summary.json`` that the rows alone decide."""
    scored = totals.images - totals.failed
    return {
        "images": totals.images,
        "scored": scored,
        "failed": totals.failed,
        "errors": dict(sorted(totals.errors.items())),
        "warned": totals.warned,
        "defective": totals.defective,
        "defect_rate": totals.defective / scored if scored else None,
        "defects": totals.defects,
        "drift": [
            {
                "statistic": shift.name,
                "index": shift.index,
                "limit": shift.bound,
                "moved": shift.moved,
                "training_mean": shift.training_mean,
                "mean": shift.mean,
            }
            for shift in totals.shifts(limits)
        ],
        "least_sure": _listed(totals.unsure),
        "most_unlike_training": _listed(totals.unlike),
    }


def _listed(heap: Sequence[WorthLook]) -> list[dict[str, str]]:
    return [{"uri": item.uri, "why": item.why} for item in sorted(heap, reverse=True)]


_LISTS = {"Least sure": "least_sure", "Most unlike training": "most_unlike_training"}


def write_page(summary: Mapping[str, Any]) -> str:
    """Return ``summary.json`` as a page of text."""
    model, plan = summary["model"], summary["plan"]
    rate = summary["defect_rate"]
    lines = [
        f"{summary['images']} images by {model['name']} "
        + (f"version {model['version']} " if model["version"] is not None else "")
        + f"({model['precision']}, {model['sha256'][:12]}), threshold {model['threshold']}, "
        f"peak {model['peak']}",
        "",
        f"defective     {summary['defective']}"
        + ("" if rate is None else f" ({rate:.2%} of those scored)"),
        f"defect-free   {summary['scored'] - summary['defective']}",
        f"failed        {summary['failed']}",
        *(f"  {kind:<24} {count}" for kind, count in summary["errors"].items()),
        f"with warnings {summary['warned']}",
        f"defects       {summary['defects']}",
        f"throughput    {_rate(summary['run'])}",
        "",
        *_drift_lines(summary["drift"]),
        *_plan_lines(plan),
    ]
    for title, key in _LISTS.items():
        if summary[key]:
            lines += [
                "",
                f"{title}:",
                *(f"  {printable(i['uri'])}: {i['why']}" for i in summary[key]),
            ]
    return "\n".join(lines) + "\n"


def _rate(run: Mapping[str, Any]) -> str:
    if not run["images"]:
        return "nothing was left to score"
    return (
        f"{run['images_per_s']:.1f} images/s in this run ({run['images']} images, "
        f"{run['seconds']:.0f} s, {run['engine']}, {run['workers']} at a time)"
    )


def _drift_lines(drift: Sequence[Mapping[str, Any]]) -> list[str]:
    moved = [row for row in drift if row["moved"]]
    if not drift:
        return ["Drift: not known (fewer than 50 images, or a model without statistics)."]
    if not moved:
        return ["Drift: none; the images look like those of training."]
    return [
        "Drift: the images do not look like those of training:",
        *(
            f"  {row['statistic']:<12} mean {row['mean']:.3f}, in training "
            f"{row['training_mean']:.3f}; drift score {row['index']:.2f}, limit {row['limit']:.2f}"
            for row in moved
        ),
    ]


def _plan_lines(plan: Mapping[str, Any]) -> list[str]:
    lines = []
    if plan["duplicates"]:
        lines.append(f"SOURCE names {plan['duplicates']} images more than once; each has one row.")
    for key, what in (("changed", "have changed"), ("vanished", "have vanished")):
        if plan[key]:
            kept = (
                "were scored again" if plan["rescored"] else "keep their rows (--rescore-changed)"
            )
            lines.append(f"{plan[key]} images {what} since they were planned and {kept}.")
    if plan["unreadable_folders"]:
        names = ", ".join(map(printable, plan["unreadable_folders"][:5]))
        lines.append(f"{len(plan['unreadable_folders'])} folders cannot be listed: {names}.")
    return ["", *lines] if lines else []
