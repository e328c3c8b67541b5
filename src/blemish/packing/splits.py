"""Which images train, validate and test: by group, without a leak, stratified, repeatable.

The groups of a set are put in a fixed order - by what they show, then by the hash of seed, set and
group name - and dealt out in that order by carrying the shares not yet served. Each stratum thus
gets the shares within one group, no random state is shared, and another set changes nothing here.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from blemish.errors import ParamsError
from blemish.files import sha256_bytes
from blemish.sets import ImageSet, IndexRow

DEFECT_FREE = ""  # sorts before every class


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
        shares: Share of each split, in ``(0, 1]``, together 1. Groups held out are the whole
            ``test`` split; the other splits then share the rest.
        seed: Other seeds give other splits.

    Returns:
        Group to split. Every split has defective groups where there are as many of those as
        splits, and defect-free ones likewise; classes too, as far as groups that show several
        allow. Fewer defective groups than splits all train, and so do all groups where there are
        fewer of them than splits.
    """
    groups = _gather(samples)
    held_out = {name for name, group in groups.items() if group.held_out}
    assigned = dict.fromkeys(held_out, "test")
    if held_out:
        shares = {split: share for split, share in shares.items() if split != "test"}
    frequency = Counter(name for group in groups.values() for name in group.classes)

    def place(name: str) -> tuple[str, str]:
        rarest = min(groups[name].classes, key=lambda c: (frequency[c], c), default=DEFECT_FREE)
        return rarest, sha256_bytes(f"{seed}\0{set_name}\0{name}".encode())

    order = sorted(groups.keys() - held_out, key=place)
    dealt = _deal(order, {name: group.images for name, group in groups.items()}, shares)
    for wanted in sorted(frequency, key=lambda c: (frequency[c], c)):
        _share_out([name for name in order if wanted in groups[name].classes], dealt, list(shares))
    defective = [name for name in order if groups[name].classes]
    _share_out([name for name in order if not groups[name].classes], dealt, list(shares))
    _share_out(defective, dealt, list(shares))
    for few in (defective, order):
        if len(few) < len(shares):
            dealt |= dict.fromkeys(few, "train")
    return assigned | dealt


@dataclass
class _Group:
    classes: set[str] = field(default_factory=set)
    images: int = 0
    held_out: bool = False


def _gather(samples: Iterable[Sample]) -> dict[str, _Group]:
    groups: defaultdict[str, _Group] = defaultdict(_Group)
    for sample in samples:
        group = groups[sample.group]
        group.classes |= sample.classes
        group.images += 1
        group.held_out |= sample.held_out
    return groups


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


def _share_out(groups: Sequence[str], dealt: dict[str, str], splits: Sequence[str]) -> None:
    """Move groups so that each split has one of these, where there are enough of them."""
    if len(groups) < len(splits):
        return
    for split in splits:
        counts = Counter(dealt[group] for group in groups)
        if counts[split] == 0:
            donor = max(splits, key=lambda other: counts[other])
            moved = next(group for group in groups if dealt[group] == donor)
            dealt[moved] = split


@dataclass(frozen=True)
class Splitting:
    """How groups are dealt out: shares of val and test, seed, what is held out (``key=value``)."""

    shares: Mapping[str, float]
    seed: int
    hold_out: str | None = None

    def assign(self, images: ImageSet) -> dict[str, str]:
        """Assign every group of a set to a split."""
        samples = [
            Sample(row.group, images.classes_of(row.image_id), held_out=self.holds_out(row))
            for row in images.rows
        ]
        rest = 1.0 - sum(self.shares.values())
        return assign_splits(images.name, samples, {"train": rest, **self.shares}, self.seed)

    def holds_out(self, row: IndexRow) -> bool:
        """Say whether an image only tests."""
        key, equals, value = (self.hold_out or "").partition("=")
        return bool(equals) and str(row.attributes.get(key)) == value


def check_hold_out(sets: Sequence[ImageSet], splitting: Splitting) -> None:
    """Refuse a value that no image has: the test split would silently be another."""
    rows = [row for images in sets for row in images.rows]
    if splitting.hold_out is None or any(map(splitting.holds_out, rows)):
        return
    key = splitting.hold_out.partition("=")[0]
    known = sorted({str(row.attributes[key]) for row in rows if key in row.attributes})
    accepted = ", ".join(f"{key}={value}" for value in known) or f"no image has {key!r}"
    raise ParamsError(
        f"preprocess.split.hold_out: no image is {splitting.hold_out}; accepted: {accepted}."
    )
