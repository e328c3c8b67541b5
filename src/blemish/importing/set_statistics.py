"""How the images of an imported set look in numbers, and how many of what it holds."""

from collections.abc import Sequence
from typing import Any

from blemish.image_statistics import ImageStatistics, summarise
from blemish.sets import ImageSet

FORMAT = 1


def describe_set(images: ImageSet, statistics: Sequence[ImageStatistics]) -> dict[str, Any]:
    """Describe a set on disk: the numbers of its images, and how many of what it holds.

    Args:
        images: The set.
        statistics: One for each of its images; at least one.

    Returns:
        The content of the set's ``statistics.json``.
    """
    return {
        "format": FORMAT,
        "images": len(images),
        "groups": len({row.group for row in images.rows}),
        "defective": sum(row.defective for row in images.rows),
        "defects": images.count_defects(),
        "width": [min(row.width for row in images.rows), max(row.width for row in images.rows)],
        "height": [min(row.height for row in images.rows), max(row.height for row in images.rows)],
        "figures": summarise(statistics),
    }
