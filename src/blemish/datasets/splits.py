"""Which images train, validate and test: by group, without a leak, stratified, repeatable.

The groups of a set are put in a fixed order - by what they show, then by the hash of seed, set and
group name - and dealt out in that order by carrying the shares not yet served. Each stratum thus
gets the shares within one group, no random state is shared, and another set changes nothing here.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from blemish.files import sha256_bytes

FREE = ""
"""Stratum of the groups without a defect."""


@dataclass(frozen=True)
class Sample:
    """What a split is decided by: an image's group, its defects' classes, whether held out."""

    group: str
    classes: frozenset[str] = frozenset()
    held_out: bool = False


def assign_splits(
    set_name: str, samples: Iterable[Sample], shares: Mapping[str, float], seed: int
) -> dict[str, str]:
    """Assign every group of one set to a split.

    Args:
        set_name: Part of the hash that orders the groups.
        samples: One for each image.
        shares: Share of each split, in ``(0, 1]``, together 1; the first is the one that gives
            groups up when another would be left without a defect. With groups held out, they are
            the ``test`` split and the others share out the rest.
        seed: Other seeds give other splits.

    Returns:
        Group to split. Every split has defective groups when there are as many of those as splits,
        and free ones likewise.
    """
    strata, sizes, held_out = _describe_groups(samples)
    assigned = dict.fromkeys(held_out, "test")
    if held_out:
        shares = {split: share for split, share in shares.items() if split != "test"}
    order = sorted(
        (group for group in strata if group not in held_out),
        key=lambda group: (strata[group], sha256_bytes(f"{seed}\0{set_name}\0{group}".encode())),
    )
    dealt = _deal(order, sizes, shares)
    for kind in (True, False):
        _leave_none_without([g for g in order if (strata[g] == FREE) == kind], dealt, list(shares))
    return assigned | dealt


def _describe_groups(
    samples: Iterable[Sample],
) -> tuple[dict[str, str], Counter[str], frozenset[str]]:
    """Return each group's stratum (its rarest class) and number of images, and who is held out."""
    classes: dict[str, set[str]] = {}
    sizes: Counter[str] = Counter()
    held_out = set()
    for sample in samples:
        classes.setdefault(sample.group, set()).update(sample.classes)
        sizes[sample.group] += 1
        if sample.held_out:
            held_out.add(sample.group)
    frequency = Counter(name for names in classes.values() for name in names)
    strata = {
        group: min(names, key=lambda name: (frequency[name], name), default=FREE)
        for group, names in classes.items()
    }
    return strata, sizes, frozenset(held_out)


def _deal(
    order: Sequence[str], sizes: Mapping[str, int], shares: Mapping[str, float]
) -> dict[str, str]:
    """Deal groups out in order, each to the split that is owed most images."""
    total = sum(shares.values())
    owed = dict.fromkeys(shares, 0.0)
    dealt = {}
    for group in order:
        for split, share in shares.items():
            owed[split] += sizes[group] * share / total
        chosen = max(shares, key=lambda split: owed[split])
        owed[chosen] -= sizes[group]
        dealt[group] = chosen
    return dealt


def _leave_none_without(
    groups: Sequence[str], dealt: dict[str, str], splits: Sequence[str]
) -> None:
    """Move groups so that each split has one of these, where there are enough of them."""
    if len(groups) < len(splits):
        return
    for split in splits:
        counts = Counter(dealt[group] for group in groups)
        if counts[split] == 0:
            donor = max(splits, key=lambda other: counts[other])
            moved = next(group for group in groups if dealt[group] == donor)
            dealt[moved] = split
