"""How the images of packed splits look in numbers, and what is where."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from blemish.image_statistics import DIGITS, ImageStatistics, summarise, summarise_values
from blemish.packed import SPLITS, Annotation

FORMAT = 1


def describe_splits(
    images: Sequence[tuple[str, Annotation, ImageStatistics]],
) -> dict[str, Any]:
    """Describe packed splits: the numbers of the training images, and what is where.

    Args:
        images: Split, annotation and numbers of every image; there may be none.

    Returns:
        The content of ``statistics.json``: JSON values, finite, under 20 KB.
    """
    training = [(annotation, numbers) for split, annotation, numbers in images if split == "train"]
    return {
        "format": FORMAT,
        "images": len(training),
        **(_describe_training(training) if training else {"figures": {}}),
        "classes": sorted(
            {d.class_name for _, annotation, _ in images for d in annotation.defects}
        ),
        "sets": _count_sets(images),
    }


def _describe_training(
    training: Sequence[tuple[Annotation, ImageStatistics]],
) -> dict[str, Any]:
    """Return what the training images look like, at least one."""
    defective = sum(bool(annotation.defects) for annotation, _ in training)
    areas = np.array([_area_fraction(annotation) for annotation, _ in training])
    return {
        "figures": summarise([numbers for _, numbers in training]),
        "defective_share": round(defective / len(training), DIGITS),
        "area_fraction": summarise_values(areas),
    }


def _area_fraction(annotation: Annotation) -> float:
    """Return the share of an image that is defective, in ``[0, 1]``."""
    return sum(defect.area_px for defect in annotation.defects) / (
        annotation.width * annotation.height
    )


def _count_sets(
    images: Sequence[tuple[str, Annotation, ImageStatistics]],
) -> dict[str, dict[str, Any]]:
    """Count, for each set and split, images, groups and defects, these by class."""
    by_part: dict[str, dict[str, list[Annotation]]] = {}
    for split, annotation, _ in images:
        by_part.setdefault(annotation.set_name, {}).setdefault(split, []).append(annotation)
    return {
        name: {split: _count(parts[split]) for split in SPLITS if split in parts}
        for name, parts in by_part.items()
    }


def _count(annotations: Sequence[Annotation]) -> dict[str, Any]:
    classes = Counter(
        defect.class_name for annotation in annotations for defect in annotation.defects
    )
    return {
        "images": len(annotations),
        "groups": len({annotation.group for annotation in annotations}),
        "defective": sum(bool(annotation.defects) for annotation in annotations),
        "clean": sum(annotation.clean for annotation in annotations),
        "defects": classes.total(),
        "classes": dict(sorted(classes.items())),
    }
