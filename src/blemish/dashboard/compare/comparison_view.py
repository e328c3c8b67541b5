"""What a person looks at: two versions on the images that count, at two thresholds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from blemish.dashboard.compare.compared_images import ComparedImage, MeasuredImage
from blemish.dashboard.compare.fair_images import FairSplit, FittedImages, remarks
from blemish.dashboard.compare.image_sources import VALIDATION
from blemish.dashboard.compare.model_comparison import ModelComparison
from blemish.dashboard.compare.version_pair import Pair
from blemish.dashboard.image_collections import ImageCollection


@dataclass(frozen=True)
class ComparisonView:
    """Everything that the numbers, the list, the curves and the report follow.

    Attributes:
        pair: The two versions.
        comparison: Both on the collection, finished or not.
        source: Where the images come from, as the page names it.
        thresholds: Threshold of A and threshold of B.
        split: The images that pass the filter, at the thresholds: those that count, and those that
            a version was fitted to.
        fitted: What A and B were fitted to.
    """

    pair: Pair
    comparison: ModelComparison
    source: str
    thresholds: tuple[float, float]
    split: FairSplit
    fitted: tuple[FittedImages, FittedImages]

    def filtered(self, passes: Callable[[ComparedImage], bool]) -> "ComparisonView":
        """Return the view of some of the images."""
        return replace(self, split=self.split.filtered(passes))

    @property
    def remarks(self) -> list[str]:
        """What was left out of the numbers, is unknown, or flatters a version; sentences."""
        return remarks(self.split, self.fitted, choosing=self.source == VALIDATION)

    @property
    def counted(self) -> Sequence[ComparedImage]:
        """The images that all numbers are of."""
        return self.split.counted

    @property
    def sets(self) -> str:
        """Names of the sets that all numbers are of."""
        return ", ".join(sorted({one.entry.set_name for one in self.counted}))

    @property
    def collection(self) -> ImageCollection:
        """Where the images come from."""
        return self.comparison.collection

    @property
    def measured(self) -> list[MeasuredImage]:
        """The images that count and have truth, at every threshold."""
        wanted = {one.index for one in self.counted if one.defective is not None}
        return [one for one in self.comparison.measured if one.index in wanted]
