"""Two models against each other, and a contest that breaks."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from blemish.dashboard.compare import _follow
from blemish.dashboard.contest import Contest
from blemish.errors import ImageContentError


def test_a_contest_that_breaks_is_told_on_the_page() -> None:
    """The fault of its thread reaches the page's edge, instead of an empty strip that says done."""

    def torn(index: int) -> Any:
        raise ImageContentError(f"Picture {index} is torn.")

    album, model = SimpleNamespace(entries=[object()], picture=torn), cast("Any", None)
    contest = Contest(cast("Any", album), model, model)
    assert contest.wait(10.0)
    assert contest.figures == ()
    with pytest.raises(ImageContentError, match="Picture 0 is torn"):
        cast("Any", _follow).__wrapped__(contest)
