"""The controls above the latest predictions: verdict, version, key and time, all in the address."""

from datetime import UTC, datetime

import streamlit as st

from blemish.dashboard import page_cache
from blemish.dashboard.address_widgets import choose, pick, remember
from blemish.dashboard.page_errors import plain
from blemish.monitoring.prediction_search import PredictionFilter

_VERDICTS = {
    "all": "All",
    "defective": "Defective",
    "defect-free": "Defect-free",
    "errors": "Refused or failed",
}
_ANY = "any"
_TIMES = {"since": "From (UTC)", "until": "Until (UTC)"}


def choose_predictions() -> PredictionFilter:
    """Show the controls; return what is wanted. Another choice begins at the newest page."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        verdict = pick("Verdict", "only", _VERDICTS, default="all")
        version = _choose("Version", "version", [str(one) for one in page_cache.logged_versions()])
        key = _choose("API key", "key", list(page_cache.logged_keys()))
        since, until = (_moment(name, label) for name, label in _TIMES.items())
    wanted = PredictionFilter(
        verdict=verdict,  # type: ignore[arg-type]  # the options are the verdicts
        version=None if version is None else int(version),
        key=key,
        since=since,
        until=until,
    )
    if st.session_state.setdefault("_predictions_wanted", wanted) != wanted:
        st.session_state["_predictions_wanted"] = wanted
        st.query_params.pop("before", None)
    return wanted


def _choose(label: str, name: str, options: list[str]) -> str | None:
    """Show a box that also takes a value of the address which the log no longer holds."""
    asked = st.query_params.get(name)
    is_number = asked is not None and asked.isdecimal() and len(asked) < 10
    if asked is not None and asked not in options and (name != "version" or is_number):
        options = [*options, asked]
    with st.container(width=170):
        chosen = choose(
            label, name, [_ANY, *options], shown=lambda one: "Any" if one == _ANY else one
        )
    return None if chosen == _ANY else chosen


def _moment(name: str, label: str) -> datetime | None:
    """Show a field for a time; what it holds stands in the address as well."""
    if name not in st.session_state:
        st.session_state[name] = _asked_moment(name)
    with st.container(width=220):
        value: datetime | None = st.datetime_input(label, value=None, key=name, step=60)
    if value is None:
        st.query_params.pop(name, None)
        return None
    remember(name, f"{value:%Y-%m-%dT%H:%M}")
    return value.replace(tzinfo=UTC)


def _asked_moment(name: str) -> datetime | None:
    asked = st.query_params.get(name)
    if asked is None:
        return None
    try:
        return datetime.fromisoformat(asked).replace(tzinfo=None)
    except ValueError:
        st.warning(f"The address names {plain(asked)} as a time; expected 2026-01-31T18:30.")
        return None
