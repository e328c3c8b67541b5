"""Which images the headline metrics are of, and the few metrics that ``dvc metrics`` shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from blemish.evaluation.judging import ImageResult
from blemish.metrics import Counts, binomial_bound

SYNTHETIC = "synthetic"
"""Name of the set that is generated."""

# With the synthetic Dice and two of clean images ten, as many as a terminal shows side by side.
_HEADLINES = (
    *("dice", "iou", "precision", "recall"),
    *("object_f1", "image_auroc", "false_alarm_rate"),
)
_DIGITS = 6


@dataclass(frozen=True)
class Headline:
    """The sets that the headline metrics are of."""

    sets: tuple[str, ...]
    sentence: str

    @classmethod
    def of(cls, results: Sequence[ImageResult]) -> "Headline":
        """Choose the user's labelled sets where any shows a defect, else the synthetic set.

        Args:
            results: Of all test images.
        """
        own = sorted({r.annotation.set_name for r in results if r.annotation.set_name != SYNTHETIC})
        labelled = tuple(
            name
            for name in own
            if any(r.defective and r.annotation.set_name == name for r in results)
        )
        if labelled:
            return cls(labelled, f"the test images of {', '.join(labelled)}")
        if own:
            return cls(
                (SYNTHETIC,),
                f"synthetic test images, since no test image of {', '.join(own)} shows a defect",
            )
        return cls((SYNTHETIC,), "synthetic test images")

    def chosen(self, results: Sequence[ImageResult]) -> list[ImageResult]:
        """Return the results that the headline is of; all of them where none is."""
        return [r for r in results if r.annotation.set_name in self.sets] or list(results)


def headline_metrics(
    overall: Mapping[str, Any], results: Sequence[ImageResult]
) -> dict[str, float]:
    """Return the few metrics that ``dvc metrics diff`` shows; undefined ones are left out.

    Args:
        overall: Summary of the headline's images.
        results: Of all test images.

    Returns:
        ``test_*`` of the headline sets, ``synthetic_dice``, and, where the user's sets have
        defect-free test images, ``clean_marked_share`` of them with its upper bound at 95 %
        confidence.
    """
    values = {f"test_{name}": overall[name]["value"] for name in _HEADLINES}
    drawn = [r for r in results if r.annotation.set_name == SYNTHETIC]
    if drawn:
        counts = sum((result.counts for result in drawn), Counts())
        values["synthetic_dice"] = counts.dice
    clean = [r for r in results if r.annotation.set_name != SYNTHETIC and not r.defective]
    if clean:
        marked = sum(result.marked for result in clean)
        values["clean_marked_share"] = marked / len(clean)
        values["clean_marked_bound"] = binomial_bound(marked, len(clean))
    return {name: round(value, _DIGITS) for name, value in values.items() if value is not None}
