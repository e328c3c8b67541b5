"""A comparison that breaks."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from blemish.dashboard.compare.job_progress import follow
from blemish.dashboard.compare.model_comparison import ModelComparison
from blemish.errors import ImageContentError


def test_a_comparison_that_breaks_is_told_on_the_page() -> None:
    """The fault of its thread reaches the page's edge, instead of an empty strip that says done."""

    def corrupt(index: int) -> Any:
        raise ImageContentError(f"Image {index} is corrupt.")

    collection = SimpleNamespace(entries=[object()], image=corrupt)
    point = SimpleNamespace(threshold=0.5, peak=0.0)
    model = cast("Any", SimpleNamespace(card=SimpleNamespace(point=point)))
    comparison = ModelComparison(cast("Any", collection), model, model)
    assert comparison.wait(10.0)
    assert comparison.measured == ()
    with pytest.raises(ImageContentError, match="Image 0 is corrupt"):
        cast("Any", follow).__wrapped__(comparison, "Both versions have")
