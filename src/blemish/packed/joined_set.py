"""A split of the synthetic set and of the user's sets, read as one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blemish.arrays import Mask, Plane
from blemish.packed.annotations import Annotation
from blemish.packed.packed_set import PackedSet


@dataclass(frozen=True)
class JoinedSet:
    """Several packed splits, or some images of them, as one sequence of images."""

    entries: Sequence[tuple[PackedSet, int]]

    @classmethod
    def of(cls, *splits: PackedSet) -> "JoinedSet":
        """Join splits whole, in their order."""
        return cls([(packed, index) for packed in splits for index in range(len(packed))])

    @classmethod
    def open(cls, folders: Sequence[Path], split: str) -> "JoinedSet":
        """Open a split in each of several folders.

        Raises:
            DataError: One is missing or corrupt.
        """
        return cls.of(*(PackedSet.open(folder, split) for folder in folders))

    def __len__(self) -> int:
        return len(self.entries)

    def some(self, indices: Sequence[int]) -> "JoinedSet":
        """Return some of the images, in this order."""
        return JoinedSet([self.entries[index] for index in indices])

    def evenly(self, at_most: int) -> "JoinedSet":
        """Return at most so many of the images, spread evenly, in their order."""
        count = min(at_most, len(self))
        return self.some([place * len(self) // count for place in range(count)])

    def image(self, index: int) -> Plane:
        """Return image ``index``, shape ``(H, W)``, uint8."""
        packed, own = self.entries[index]
        return packed.image(own)

    def instances(self, index: int) -> NDArray[np.uint16]:
        """Return the instance map, shape ``(H, W)``, uint16."""
        packed, own = self.entries[index]
        return packed.instances(own)

    def mask(self, index: int) -> Mask:
        """Return the mask of image ``index``, shape ``(H, W)``, bool."""
        return self.instances(index) > 0

    def region(self, index: int) -> Mask | None:
        """Return the region of interest, shape ``(H, W)``; None is the whole image."""
        packed, own = self.entries[index]
        return packed.region(own)

    def annotation(self, index: int) -> Annotation:
        """Return what is known of image ``index``."""
        packed, own = self.entries[index]
        return packed.annotation(own)
