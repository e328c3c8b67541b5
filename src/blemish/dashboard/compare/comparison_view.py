"""What a person looks at: two versions on the images that count, at two thresholds."""

from collections.abc import Sequence
from dataclasses import dataclass

from blemish.dashboard.compare.compared_images import ComparedImage, MeasuredImage
from blemish.dashboard.compare.model_comparison import ModelComparison
from blemish.dashboard.compare.version_pair import Pair
from blemish.dashboard.image_collections import ImageCollection


@dataclass(frozen=True)
class ComparisonView:
    """Everything that the numbers, the list, the curves and the report follow.

    Attributes:
        pair: The two versions.
        comparison: Both on the collection, finished or not.
        thresholds: Of A and of B.
        counted: The images that pass the filter, at the thresholds.
    """

    pair: Pair
    comparison: ModelComparison
    thresholds: tuple[float, float]
    counted: Sequence[ComparedImage]

    @property
    def collection(self) -> ImageCollection:
        """Where the images come from."""
        return self.comparison.collection

    @property
    def measured(self) -> list[MeasuredImage]:
        """The images that count and have truth, at every threshold."""
        wanted = {one.index for one in self.counted if one.defective is not None}
        return [one for one in self.comparison.measured if one.index in wanted]
