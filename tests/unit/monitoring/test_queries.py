"""Ranges of time, as the page asks for them."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from blemish.monitoring.queries import span_until

TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis adds the zone


@given(TIMES, st.integers(1, 60 * 24 * 90))
def test_a_range_is_cut_into_about_a_hundred_whole_buckets(end: datetime, minutes: int) -> None:
    """Buckets are whole minutes or hours, begin where counts begin, and are 48 to 194 at most."""
    length = timedelta(minutes=minutes)
    span = span_until(end, length)
    assert span.start <= end - length < span.start + span.bucket
    assert span.bucket % timedelta(seconds=span.counted_s) == timedelta(0)
    assert (span.start - datetime(1970, 1, 1, tzinfo=UTC)) % span.bucket == timedelta(0)
    assert length / span.bucket <= 194
