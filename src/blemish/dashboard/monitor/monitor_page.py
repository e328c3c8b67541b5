"""The page ``/monitor``: what the line does now, and whether it needs a person."""

from datetime import UTC, datetime, timedelta

import streamlit as st
from sqlalchemy import Engine

from blemish.config.checkout_params import monitor_params
from blemish.dashboard import page_cache
from blemish.dashboard.address_widgets import pick
from blemish.dashboard.line_status import age, line_status
from blemish.dashboard.local_times import both_times, local_zone, time_columns
from blemish.dashboard.monitor import (
    drift_section,
    latest_predictions,
    opened_prediction,
    traffic_charts,
)
from blemish.dashboard.monitor.version_changes import version_changes
from blemish.dashboard.page_errors import guarded, plain
from blemish.dashboard.page_parts import Fact, show_facts
from blemish.dashboard.terms import meaning
from blemish.monitoring import alarms, logged_predictions, queries

RANGES = {
    "15m": ("15 minutes", timedelta(minutes=15)),
    "1h": ("1 hour", timedelta(hours=1)),
    "6h": ("6 hours", timedelta(hours=6)),
    "24h": ("24 hours", timedelta(hours=24)),
    "7d": ("7 days", timedelta(days=7)),
    "30d": ("30 days", timedelta(days=30)),
}
_REFRESH_S = 5.0
_SLOW_REFRESH_S = 20.0  # drift looks at hundreds of images; it does not change in seconds


def page() -> None:
    """Lay out the page."""
    st.markdown("## Monitor")
    opened_prediction.show()
    ranges, live = st.columns([5, 1], vertical_alignment="bottom")
    with ranges:
        texts = {name: text for name, (text, _) in RANGES.items()}
        chosen = pick("Range", "range", texts, default="1h", visible=False)
    refresh = live.toggle("Live", value=True, key="live", help="Look again every five seconds.")
    length = RANGES[chosen][1]
    every = _REFRESH_S if refresh else None
    st.fragment(_overview, run_every=every)(length)
    st.fragment(latest_predictions.show, run_every=every)()
    st.fragment(drift_section.show, run_every=_SLOW_REFRESH_S if refresh else None)()
    st.fragment(_show_alarms, run_every=every)()


@guarded
def _overview(length: timedelta) -> None:
    with page_cache.asking_log() as engine:
        alarms.check(engine, monitor_params(), datetime.now(UTC))
        _show_open(engine)
        span = queries.span_until(datetime.now(UTC), length)
        _show_metrics(engine, span)
        changes = version_changes(engine, span, line_status().moves)
        traffic_charts.show(engine, span, monitor_params().alarms, changes)


def _show_open(engine: Engine) -> None:
    """Show the alarms that hold now, on top, with a button that acknowledges one."""
    for alarm in alarms.history(engine, 10):
        if alarm.closed is not None:
            continue
        text = (
            f"**{plain(alarm.rule.capitalize())}** since "
            f"{plain(both_times(alarm.opened, local_zone()))}: "
            f"{plain(alarm.detail)}; limit {alarms.measure(alarm.rule, alarm.bound)}"
        )
        if alarm.acknowledged is not None:
            seen = plain(both_times(alarm.acknowledged, local_zone()))
            who = plain(alarm.acknowledged_by or "")
            st.warning(f"{text}. Acknowledged at {seen} by {who}.", icon=":material/visibility:")
            continue
        with st.container(horizontal=True, vertical_alignment="center"):
            st.error(text, icon=":material/notification_important:")
            who = _acknowledged_by(alarm.id)
        if who:
            alarms.acknowledge(engine, alarm.id, who, datetime.now(UTC))
            st.rerun(scope="fragment")


def _acknowledged_by(alarm_id: int) -> str:
    """Show the button; return who pressed it. The name is asked once, and not after a login."""
    known = str(st.session_state.get("user") or st.session_state.get("_who") or "")
    if known:
        pressed = st.button("Acknowledge", key=f"acknowledge-{alarm_id}")
        return known if pressed else ""
    with st.popover("Acknowledge"):
        name = str(st.text_input("Your name", key=f"who-{alarm_id}", max_chars=100)).strip()
        if not st.button("Acknowledge this alarm", key=f"acknowledge-{alarm_id}", type="primary"):
            return ""
        if not name:
            st.error("Please give your name: it is written into the history of the alarms.")
            return ""
    st.session_state["_who"] = name
    return name


def _show_metrics(engine: Engine, span: queries.Span) -> None:
    traffic = queries.traffic(engine, span)
    latency = queries.latency_quantiles(engine, span, (0.5, 0.95))
    lost = queries.lost(engine, span)
    minutes = max(1.0, (span.end - span.start).total_seconds() / 60)
    unlogged = f", {lost:,} not logged" if lost else ""
    facts: list[Fact] = [
        ("Requests", f"{traffic.requests:,}", f"{traffic.requests / minutes:.1f} a minute", None),
        ("Defect rate", _percent(traffic.defect_rate), f"{traffic.defective:,} images",
         meaning("defect rate")),
        ("Errors", _percent(traffic.error_rate), f"{traffic.errors:,} requests{unlogged}",
         "Requests that were refused or failed."),
        ("Latency, 95 %", f"{latency[0.95]:.0f} ms" if latency else "-",
         f"half within {latency[0.5]:.0f} ms" if latency else "no data",
         f"{meaning('latency')} 95 of 100 requests took at most this long."),
        _served(engine),
    ]  # fmt: skip
    if traffic.shadowed:
        seen = f"{traffic.shadowed:,} images seen by both"
        facts.append(("Shadow disagreement", _percent(traffic.disagreement, 2), seen,
                      meaning("shadow disagreement")))  # fmt: skip
    show_facts(facts)


def _served(engine: Engine) -> Fact:
    served = logged_predictions.served(engine)
    if served is None:
        return "Served version", "-", "no server yet", meaning("served version")
    length = age(datetime.now(UTC) - served.time)
    said = f"version {served.version}"
    return "Served version", said, f"for {length}", meaning("served version")


def _percent(share: float | None, digits: int = 1) -> str:
    return "-" if share is None else f"{share:.{digits}%}"


def _state(finding: alarms.RuleState) -> str:
    """Return a rule's state in words; too little to judge is a state of its own."""
    if finding.holds:
        return "alarm"
    return "no data" if finding.value is None else "no alarm"


@guarded
def _show_alarms() -> None:
    st.markdown("### Alarms")
    with page_cache.asking_log() as engine:
        findings = alarms.judge(engine, monitor_params(), datetime.now(UTC))
        past = alarms.history(engine)
    zone = local_zone()
    left, right = st.columns(2)
    with left:
        st.markdown("##### Rules", help=f"{meaning('alarm')} Limit: {meaning('limit')}")
        st.dataframe(
            {
                "Rule": [one.rule for one in findings],
                "Now": [alarms.measure(one.rule, one.value) for one in findings],
                "Limit": [alarms.measure(one.rule, one.bound) for one in findings],
                "": [_state(one) for one in findings],
                "In words": [one.detail for one in findings],
            },
            hide_index=True,
            alt="Every rule with its value now and its bound.",
        )
    with right:
        st.markdown("##### History", help="One incident is one row, however often it flickers.")
        if not past:
            st.caption("No alarm yet.")
            return
        st.dataframe(
            {
                "Rule": [one.rule for one in past],
                **time_columns("From", [one.opened for one in past], zone),
                **time_columns("Until", [one.closed for one in past], zone),
                "Value": [alarms.measure(one.rule, one.value) for one in past],
                "In words": [one.detail for one in past],
                "Acknowledged by": [one.acknowledged_by or "" for one in past],
            },
            hide_index=True,
            alt="Alarms, open ones first.",
        )
