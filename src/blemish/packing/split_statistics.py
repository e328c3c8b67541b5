"""How the images of packed splits look in numbers, and what is where."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from blemish.image_statistics import DIGITS, ImageStatistics, summarise, summarise_values
from blemish.packed import SPLITS, PackedRecord

FORMAT = 1


def describe_splits(
    images: Sequence[tuple[str, PackedRecord, ImageStatistics]],
) -> dict[str, Any]:
    """Describe packed splits: the numbers of the training images, and what is where.

    Args:
        images: Split, record and numbers of every image; there may be none.

    Returns:
        The content of ``statistics.json``: JSON values, finite, under 20 KB.
    """
    training = [(record, numbers) for split, record, numbers in images if split == "train"]
    return {
        "format": FORMAT,
        "images": len(training),
        **(_describe_training(training) if training else {"figures": {}}),
        "classes": sorted({d.class_name for _, record, _ in images for d in record.defects}),
        "sets": _count_sets(images),
    }


def _describe_training(
    training: Sequence[tuple[PackedRecord, ImageStatistics]],
) -> dict[str, Any]:
    """Return what the training images look like, at least one."""
    defective = sum(bool(record.defects) for record, _ in training)
    areas = np.array([_area_fraction(record) for record, _ in training])
    return {
        "figures": summarise([numbers for _, numbers in training]),
        "defective_share": round(defective / len(training), DIGITS),
        "area_fraction": summarise_values(areas),
    }


def _area_fraction(record: PackedRecord) -> float:
    """Return the share of an image that is defective, in ``[0, 1]``."""
    return sum(defect.area_px for defect in record.defects) / (record.width * record.height)


def _count_sets(
    images: Sequence[tuple[str, PackedRecord, ImageStatistics]],
) -> dict[str, dict[str, Any]]:
    """Count, for each set and split, images, groups and defects, these by class."""
    by_part: dict[str, dict[str, list[PackedRecord]]] = {}
    for split, record, _ in images:
        by_part.setdefault(record.set_name, {}).setdefault(split, []).append(record)
    return {
        name: {split: _count(parts[split]) for split in SPLITS if split in parts}
        for name, parts in by_part.items()
    }


def _count(records: Sequence[PackedRecord]) -> dict[str, Any]:
    classes = Counter(defect.class_name for record in records for defect in record.defects)
    return {
        "images": len(records),
        "groups": len({record.group for record in records}),
        "defective": sum(bool(record.defects) for record in records),
        "clean": sum(record.clean for record in records),
        "defects": classes.total(),
        "classes": dict(sorted(classes.items())),
    }
