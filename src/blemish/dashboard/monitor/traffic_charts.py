"""The charts of the Monitor page."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st
from sqlalchemy import Engine

from blemish.monitoring import queries

_HEIGHT = 240
_LEGEND = alt.Legend(orient="top", title=None)


def show(engine: Engine, span: queries.Span) -> None:
    """Show requests, defect rate, latency, and where time and errors go."""
    points = queries.traffic_over_time(engine, span)
    if not points:
        st.info(
            "No request in this range. Start the API (`blemish serve`) and send it an image.",
            icon=":material/hourglass_empty:",
        )
        return
    left, right = st.columns(2)
    with left:
        st.markdown("##### Requests")
        st.altair_chart(_requests(points, span), alt="Requests over time, answered and errors.")
        st.markdown("##### Defect rate")
        st.altair_chart(_defect_rate(points, span), alt="Share of images with a defect over time.")
    with right:
        st.markdown("##### Latency of the whole request")
        latency = queries.latency_over_time(engine, span)
        st.altair_chart(_latency(latency, span), alt="Median and 95th percentile over time.")
        _show_parts(engine, span)


def _show_parts(engine: Engine, span: queries.Span) -> None:
    phases, errors = st.columns(2)
    with phases:
        st.markdown("##### Time by phase")
        traffic = queries.traffic(engine, span)
        parts = {name: ms for name, ms in traffic.phases_ms.items() if name != "total"}
        st.altair_chart(_bars(parts, "ms, mean"), alt="Mean milliseconds by phase.")
    with errors:
        st.markdown("##### Errors by type")
        failures = queries.failures_by_type(engine, span)
        if failures:
            st.altair_chart(_bars(failures, "requests"), alt="Errors by type.")
        else:
            st.caption("None in this range.")


Points = Sequence[tuple[datetime, queries.Traffic]]


def _requests(points: Points, span: queries.Span) -> alt.Chart:
    rows = [
        {"time": time, "until": time + span.bucket, "kind": kind, "requests": number}
        for time, traffic in points
        for kind, number in (("answered", traffic.answered), ("errors", traffic.errors))
    ]
    chart: alt.Chart = (
        alt.Chart(pd.DataFrame(rows), height=_HEIGHT)
        .mark_bar(orient="vertical", binSpacing=1)
        .encode(
            x=_time(span),
            x2="until:T",
            y=alt.Y("requests:Q", title=None, stack=True),
            color=alt.Color("kind:N", sort=["answered", "errors"], legend=_LEGEND, title=None),
            tooltip=["kind", "requests", alt.Tooltip("time:T", format="%H:%M")],
        )
    )
    return chart


def _defect_rate(points: Points, span: queries.Span) -> alt.Chart:
    rows = [
        {"time": time, "rate": traffic.defect_rate}
        for time, traffic in points
        if traffic.defect_rate is not None
    ]
    return _line(rows, span, alt.Y("rate:Q", title=None, axis=alt.Axis(format="%")))


def _latency(
    points: Sequence[tuple[datetime, dict[float, float]]], span: queries.Span
) -> alt.Chart:
    names = {0.5: "median", 0.95: "95 %"}
    rows = [
        {"time": time, "which": names[quantile], "ms": ms}
        for time, found in points
        for quantile, ms in found.items()
    ]
    colour = alt.Color("which:N", sort=list(names.values()), legend=_LEGEND, title=None)
    return _line(rows, span, alt.Y("ms:Q", title="ms"), colour)


def _line(
    rows: list[dict[str, Any]], span: queries.Span, y: alt.Y, colour: alt.Color | None = None
) -> alt.Chart:
    more = {} if colour is None else {"color": colour}
    chart: alt.Chart = (
        alt.Chart(pd.DataFrame(rows), height=_HEIGHT)
        .mark_line(point=len(rows) < 40, strokeWidth=2)
        .encode(x=_time(span), y=y, tooltip=list(rows[0]) if rows else [], **more)
    )
    return chart


def _time(span: queries.Span) -> alt.X:
    domain = [moment.isoformat() for moment in (span.start, span.end)]
    return alt.X(
        "time:T",
        title="UTC",
        scale=alt.Scale(type="utc", domain=domain),
        axis=alt.Axis(labelOverlap=True, tickCount=6, format=_clock(span), grid=False),
    )


def _clock(span: queries.Span) -> str:
    return "%H:%M" if span.end - span.start <= timedelta(days=1, minutes=30) else "%d %b"


def _bars(values: "dict[str, float] | dict[str, int]", unit: str) -> alt.Chart:
    table = pd.DataFrame({"name": list(values), "value": list(values.values())})
    chart: alt.Chart = (
        alt.Chart(table, height=_HEIGHT)
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            x=alt.X("value:Q", title=unit),
            y=alt.Y("name:N", title=None, sort="-x"),
            tooltip=["name", alt.Tooltip("value:Q", format=".2f")],
        )
    )
    return chart
