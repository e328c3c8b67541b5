"""What the headline metrics of a version are of, as its evaluation wrote it down."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from blemish.metrics import ImageRow, Interval
from blemish.sets.layout import SYNTHETIC


@dataclass(frozen=True)
class RecordedHeadline:
    """The test images that Dice and the other headline metrics of a run are of.

    Attributes:
        sets: Names of their sets, sorted.
        images: How many they are.
        groups: How many physical parts they show.
        dice_interval: 95 % interval of the Dice of the fp32 file, over groups; None with one group.
        free_sets: The user's sets with defect-free test images, of the headline or not, sorted.
        free_images: How many these images are.
    """

    sets: tuple[str, ...]
    images: int
    groups: int
    dice_interval: Interval | None
    free_sets: tuple[str, ...]
    free_images: int

    @classmethod
    def read(cls, details: str, rows: Sequence[ImageRow]) -> Self:
        """Read what evaluation wrote.

        Args:
            details: Text of ``details.json``.
            rows: Results of all test images.

        Raises:
            ValueError: It is something else, or names no headline.
        """
        try:
            content = json.loads(details)
            sets = set(content["headline"]["sets"])
            interval = content["overall"]["dice"]["interval_95"]
            ends = None if interval is None else Interval(*map(float, interval))
        except (KeyError, TypeError) as error:
            raise ValueError(f"The evaluation names no headline: {error!r}") from error
        shown = [row for row in rows if row.set_name in sets] or rows
        clean = [row for row in rows if row.set_name != SYNTHETIC and _is_clean(row)]
        return cls(
            sets=_sets(shown),
            images=len(shown),
            groups=len({(row.set_name, row.group) for row in shown}),
            dice_interval=ends,
            free_sets=_sets(clean),
            free_images=len(clean),
        )

    @property
    def words(self) -> str:
        """The images in words: ``36 images of line-3``."""
        return f"{self.images} images of {', '.join(self.sets)}" if self.images else "no test image"

    @property
    def free_words(self) -> str:
        """The defect-free images of the user's sets, in words."""
        return f"{self.free_images} defect-free images of {', '.join(self.free_sets)}"

    def to_document(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return asdict(self)


def _sets(rows: Sequence[ImageRow]) -> tuple[str, ...]:
    return tuple(sorted({row.set_name for row in rows}))


def _is_clean(row: ImageRow) -> bool:
    return row.counts.tp + row.counts.fn == 0
