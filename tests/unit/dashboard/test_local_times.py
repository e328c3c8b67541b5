"""Times in UTC with the local time beside them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from blemish.dashboard.local_times import both_times, time_columns

EVENING = datetime(2026, 11, 26, 20, 26, 5, tzinfo=UTC)


def test_the_local_time_stands_beside_utc() -> None:
    """Where a zone has another day its date is said; who lives in UTC reads one time."""
    assert both_times(EVENING, ZoneInfo("UTC")) == "2026-11-26 20:26 UTC"
    assert both_times(EVENING, ZoneInfo("Europe/Berlin")) == "2026-11-26 20:26 UTC (21:26 CET)"
    assert both_times(EVENING, ZoneInfo("Asia/Tokyo")) == (
        "2026-11-26 20:26 UTC (2026-11-27 05:26 JST)"
    )
    assert both_times(EVENING, ZoneInfo("Europe/Berlin"), seconds=True, date=False) == (
        "20:26:05 UTC (21:26:05 CET)"
    )


def test_a_table_has_a_column_for_each_zone() -> None:
    """A time that is not there yet is empty, never ``None``."""
    assert time_columns("Until", [EVENING, None], ZoneInfo("Asia/Tokyo")) == {
        "Until (UTC)": ["2026-11-26 20:26", ""],
        "Until (Asia/Tokyo)": ["2026-11-27 05:26", ""],
    }
    assert list(time_columns("Until", [EVENING], ZoneInfo("UTC"))) == ["Until (UTC)"]
