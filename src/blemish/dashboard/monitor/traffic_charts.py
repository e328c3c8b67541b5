"""The charts of the Monitor page."""

from collections.abc import Sequence
from datetime import datetime

import altair as alt
import pandas as pd
import streamlit as st
from sqlalchemy import Engine

from blemish.config.monitor import Alarms
from blemish.dashboard.local_times import both_times, local_zone
from blemish.dashboard.monitor.chart_frame import HEIGHT, LEGEND, ChartFrame, Layers, Limit
from blemish.dashboard.monitor.version_changes import VersionChange
from blemish.dashboard.page_errors import plain
from blemish.dashboard.terms import meaning
from blemish.monitoring import queries
from blemish.problem_kinds import problem_title

_PHASES = {"decode": "decoding", "infer": "model", "post": "measuring defects"}
_BAR, _NAME = 28, 240  # pixels: height of a bar, width of its name
_SAID = 4  # changes of the version that are told in words


def show(
    engine: Engine, span: queries.Span, limits: Alarms, changes: Sequence[VersionChange]
) -> None:
    """Show requests, defect rate, latency, and where time and errors go.

    Args:
        engine: The prediction log.
        span: The range.
        limits: Drawn as dashed lines.
        changes: Changes of the version, drawn as upright lines.
    """
    points = queries.traffic_over_time(engine, span)
    if not points:
        st.info(
            "No request in this range. Start the API (`blemish serve`) and send it an image.",
            icon=":material/hourglass_empty:",
        )
        return
    frame = ChartFrame(span, tuple(changes), local_zone())
    latency = queries.latency_over_time(engine, span)
    left, right = st.columns(2)
    with left:
        st.markdown("##### Requests")
        st.altair_chart(_requests(points, frame), alt="Requests over time, answered and errors.")
        st.markdown("##### Defect rate", help=meaning("defect rate"))
        chart = _rate(points, frame, "defect rate", limits.defect_rate)
        st.altair_chart(chart, alt="Share of images with a defect over time, and its limit.")
    with right:
        st.markdown("##### Latency", help=meaning("latency"))
        chart = _latency(latency, frame, limits.latency_p95_ms)
        st.altair_chart(chart, alt="Median and 95th percentile over time, and the limit.")
        st.markdown("##### Error rate")
        chart = _rate(points, frame, "error rate", limits.error_rate)
        st.altair_chart(chart, alt="Share of refused or failed requests, and its limit.")
    _show_changes(changes)
    _show_parts(engine, span)


def _show_changes(changes: Sequence[VersionChange]) -> None:
    """Say in words what the upright lines mark: a colour or a hover alone reaches not everybody."""
    if not changes:
        return
    zone = local_zone()
    said = [f"{both_times(one.time, zone)} {one.text}" for one in changes[-_SAID:]]
    more = f"{len(changes) - _SAID} earlier ones, then " if len(changes) > _SAID else ""
    st.caption(plain(f"Upright lines, changes of the version: {more}{'; '.join(said)}."))


def _show_parts(engine: Engine, span: queries.Span) -> None:
    phases, errors = st.columns(2)
    with phases:
        st.markdown("##### Time by phase")
        traffic = queries.traffic(engine, span)
        parts = {_PHASES[name]: ms for name, ms in traffic.phases_ms.items() if name != "total"}
        st.altair_chart(_bars(parts, "ms, mean"), alt="Mean milliseconds by phase.")
    with errors:
        st.markdown("##### Errors by type")
        failures = queries.failures_by_type(engine, span)
        if failures:
            named = {problem_title(code): number for code, number in failures.items()}
            st.altair_chart(_bars(named, "requests"), alt="Errors by type.")
        else:
            st.caption("No error in this range.")


Points = Sequence[tuple[datetime, queries.Traffic]]


def _requests(points: Points, frame: ChartFrame) -> Layers:
    rows = [
        {"time": time, "until": time + frame.span.bucket, "kind": kind, "requests": number}
        for time, traffic in points
        for kind, number in (("answered", traffic.answered), ("errors", traffic.errors))
    ]
    bars = (
        alt.Chart(frame.table(rows))
        .mark_bar(orient="vertical", binSpacing=1)
        .encode(
            x=frame.time(),
            x2="until:T",
            y=alt.Y("requests:Q", title=None, stack=True),
            color=alt.Color("kind:N", sort=["answered", "errors"], legend=LEGEND, title=None),
            tooltip=["kind", "requests", *frame.tooltip()],
        )
    )
    return frame.compose(bars)


def _rate(points: Points, frame: ChartFrame, name: str, limit: float) -> Layers:
    """Draw a rate over time, with its limit."""
    rates = [(time, getattr(traffic, name.replace(" ", "_"))) for time, traffic in points]
    rows = [{"time": time, "value": rate} for time, rate in rates if rate is not None]
    return frame.lines(rows, Limit(limit, f"limit {limit:.0%}"), alt.Axis(format="%"))


def _latency(
    points: Sequence[tuple[datetime, dict[float, float]]], frame: ChartFrame, limit: float
) -> Layers:
    names = {0.5: "median", 0.95: "95 %"}
    rows = [
        {"time": time, "which": names[quantile], "value": ms}
        for time, found in points
        for quantile, ms in found.items()
    ]
    colour = alt.Color("which:N", sort=list(names.values()), legend=LEGEND, title=None)
    return frame.lines(
        rows, Limit(limit, f"limit {limit:.0f} ms, 95 %"), alt.Axis(), colour, title="ms"
    )


def _bars(values: "dict[str, float] | dict[str, int]", unit: str) -> alt.Chart:
    table = pd.DataFrame({"name": list(values), "value": list(values.values())})
    chart: alt.Chart = (
        alt.Chart(table, height=HEIGHT)
        .mark_bar(cornerRadiusEnd=2, size=_BAR)
        .encode(
            x=alt.X("value:Q", title=unit, axis=alt.Axis(tickMinStep=1, tickCount=6)),
            y=alt.Y("name:N", title=None, sort="-x", axis=alt.Axis(labelLimit=_NAME)),
            tooltip=["name", alt.Tooltip("value:Q", format=",.4~r")],
        )
    )
    return chart
