"""Bins of latency."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blemish.monitoring.rollups import bin_center, latency_bin


@given(st.floats(0.07, 1e6))
def test_a_bin_stands_for_its_latencies_within_4_5_percent(milliseconds: float) -> None:
    """The middle of a latency's bin is within 4.5 % of the latency."""
    assert bin_center(latency_bin(milliseconds)) == pytest.approx(milliseconds, rel=0.045)


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_bins_keep_the_order(first: float, second: float) -> None:
    """A longer latency never falls into a lower bin."""
    low, high = sorted((first, second))
    assert latency_bin(low) <= latency_bin(high)


@pytest.mark.parametrize("value", [float("nan"), 0.0, -1.0])
def test_what_is_no_latency_falls_into_the_first_bin(value: float) -> None:
    """NaN, nothing and less than nothing are counted, not raised."""
    assert latency_bin(value) == 0
