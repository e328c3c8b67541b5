"""Times as people read them: UTC, and beside it the time zone of the browser."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st


def local_zone() -> tzinfo:
    """Return the time zone of the browser; UTC where it does not say."""
    name, west = st.context.timezone, st.context.timezone_offset
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):  # a host without a time zone database
        return UTC if west is None else timezone(-timedelta(minutes=west))


def is_utc(zone: tzinfo, time: datetime) -> bool:
    """Say whether a zone shows the same time as UTC."""
    return not time.astimezone(zone).utcoffset()


def both_times(time: datetime, zone: tzinfo, *, seconds: bool = False, date: bool = True) -> str:
    """Return a time in UTC and in another zone: ``2026-11-26 20:26 UTC (21:26 CET)``.

    Args:
        time: Moment, with a time zone.
        zone: Time zone of the reader.
        seconds: Whether to say the seconds.
        date: Whether to say the date; where that of the zone is another it is said as well.
    """
    clock = "%H:%M:%S" if seconds else "%H:%M"
    utc, local = time.astimezone(UTC), time.astimezone(zone)
    text = f"{utc:{f'%Y-%m-%d {clock}' if date else clock}} UTC"
    if is_utc(zone, time):
        return text
    other_day = date and utc.date() != local.date()
    return f"{text} ({local:{f'%Y-%m-%d {clock}' if other_day else clock}} {local:%Z})"


def zone_name(zone: tzinfo, time: datetime) -> str:
    """Return the name of a zone for the head of a column: ``Europe/Berlin``, else ``UTC+01:00``."""
    return getattr(zone, "key", None) or f"{time.astimezone(zone):%Z}"


def time_columns(name: str, times: "list[datetime | None]", zone: tzinfo) -> "dict[str, list[str]]":
    """Return the columns of a table for times: UTC, and the zone of the browser beside it.

    Args:
        name: Name of the column.
        times: Moments with time zones; None where there is no such time (yet).
        zone: Time zone of the reader.
    """

    def said(where: tzinfo) -> list[str]:
        layout = "%Y-%m-%d %H:%M"
        return ["" if time is None else f"{time.astimezone(where):{layout}}" for time in times]

    columns = {f"{name} (UTC)": said(UTC)}
    known = [time for time in times if time is not None]
    if known and not is_utc(zone, known[0]):
        columns[f"{name} ({zone_name(zone, known[0])})"] = said(zone)
    return columns
