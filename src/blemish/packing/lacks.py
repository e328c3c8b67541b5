"""What a set of photographs lacks for training and measuring, and what that costs, in sentences."""

from collections.abc import Mapping

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
    shown = {split: {row.defective for row in rows[split]} for split in SPLITS}
    kinds = (
        ("no labelled defect", True, _WITHOUT_DEFECTS),
        ("no defect-free image", False, _WITHOUT_DEFECT_FREE),
    )
    lacks = []
    for what, wanted, costs in kinds:
        missing = [split for split in costs if wanted not in shown[split]]
        anywhere = any(wanted in kinds_shown for kinds_shown in shown.values())
        where = f" in {' and '.join(missing)}" if anywhere else ""
        if missing:
            cost = "; ".join(costs[split] for split in missing)
            lacks.append(f"{images.name}: {what}{where}: {cost}.")
    return lacks
