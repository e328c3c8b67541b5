"""Two models against each other, and a comparison that breaks."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from blemish.dashboard.compare.compare_page import _follow
from blemish.dashboard.compare.comparison import Comparison
from blemish.errors import ImageContentError


def test_a_contest_that_breaks_is_told_on_the_page() -> None:
    """The fault of its thread reaches the page's edge, instead of an empty strip that says done."""

    def torn(index: int) -> Any:
        raise ImageContentError(f"OpenedImage {index} is torn.")

    collection, model = SimpleNamespace(entries=[object()], image=torn), cast("Any", None)
    comparison = Comparison(cast("Any", collection), model, model)
    assert comparison.wait(10.0)
    assert comparison.paired_metrics == ()
    with pytest.raises(ImageContentError, match="OpenedImage 0 is torn"):
        cast("Any", _follow).__wrapped__(comparison)
