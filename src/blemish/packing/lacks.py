"""What a set of photographs lacks for training and measuring, and what that costs, in sentences."""

from collections.abc import Mapping, Sequence

from blemish.packed import SPLITS
from blemish.sets import ImageSet

_WITHOUT_DEFECTS = {
    "train": "the model learns of its defects from synthetic and drawn ones alone",
    "val": "the operating point is chosen without its defects",
    "test": "Dice of this set is not measured",
}
_WITHOUT_DEFECT_FREE = {
    "val": "the operating point is chosen without its false alarms",
    "test": "false alarms on this set are not measured",
}


def name_lacks(images: ImageSet, assigned: Mapping[str, str]) -> list[str]:
    """Name what a set lacks in its splits.

    Args:
        images: The set.
        assigned: Split of each of its groups.

    Returns:
        One sentence for each lack, with what it costs; none for a set that has everything.
    """
    rows = {split: [r for r in images.rows if assigned[r.group] == split] for split in SPLITS}
    if not rows["val"] and not rows["test"]:
        groups = f"{len(assigned)} group{'s' if len(assigned) > 1 else ''}"
        why = f"because {groups} cannot be split three ways; nothing of it validates or tests."
        return [f"{images.name}: all {len(images)} images train, {why}"]
    if not rows["train"]:
        return [f"{images.name}: no image trains; the model learns nothing of this set."]
    defective = {split: {row.defective for row in rows[split]} for split in SPLITS}
    lacks = [
        ("no labelled defect", [s for s in SPLITS if True not in defective[s]], _WITHOUT_DEFECTS),
        (
            "no defect-free image",
            [s for s in SPLITS[1:] if False not in defective[s]],
            _WITHOUT_DEFECT_FREE,
        ),
    ]
    return [
        f"{images.name}: {what}{_where(missing, costs)}: {'; '.join(costs[s] for s in missing)}."
        for what, missing, costs in lacks
        if missing
    ]


def _where(missing: Sequence[str], costs: Mapping[str, str]) -> str:
    """Return in which splits something is missing; nothing where that is everywhere."""
    return "" if len(missing) == len(costs) else f" in {' and '.join(missing)}"
