"""What an ``Accept`` header prefers."""

import pytest

from blemish.server.accept_header import prefers_png


@pytest.mark.parametrize(
    ("accept", "png"),
    [
        ("", False),
        ("*/*", False),
        ("image/png", True),
        ("image/*", True),
        ("IMAGE/PNG; q=0.5", True),
        ("image/png, */*;q=0.1", True),
        ("image/png;q=0.1, application/json", False),
        ("application/json;q=0.1, */*", True),
        ("image/png;q=0, */*", False),
        ("image/png;q=nan, application/*", False),
        ("image/png;q=odd", False),
        ("text/html, */*;q=0.8", False),
    ],
)
def test_the_most_specific_range_decides(accept: str, png: bool) -> None:  # noqa: FBT001 - a case
    """JSON where both are wanted alike; else what the most specific range says."""
    assert prefers_png(accept) is png
