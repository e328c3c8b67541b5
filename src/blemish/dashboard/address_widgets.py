"""Widgets whose value stands in the address, so that a link shows the same page."""

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlencode

import streamlit as st


def choose(
    label: str,
    name: str,
    options: Sequence[str],
    *,
    default: str | None = None,
    shown: Callable[[str], str] = str,
    help: str | None = None,  # noqa: A002 - Streamlit's name for it
) -> str:
    """A select box bound to the query parameter ``name``.

    Args:
        label: Above the box.
        name: Query parameter; also the widget's key.
        options: What may be chosen; at least one.
        default: Chosen when the address says nothing, or nothing that is an option.
        shown: Text of an option.
        help: Beside the label.
    """
    fallback = default if default in options else options[0]
    asked = st.query_params.get(name)
    if name not in st.session_state or st.session_state[name] not in options:
        st.session_state[name] = asked if asked in options else fallback
    value = str(st.selectbox(label, options, key=name, format_func=shown, help=help))
    remember(name, value, fallback)
    return value


def pick(
    label: str,
    name: str,
    options: Mapping[str, str],
    *,
    default: str,
    visible: bool = True,
) -> str:
    """A row of buttons of which one is down, bound to the query parameter ``name``.

    Args:
        label: Above the row.
        name: Query parameter; also the widget's key.
        options: Values and their texts.
        default: Down when the address says nothing, or nothing that is an option.
        visible: Whether the label is seen; it is read aloud in any case.
    """
    if name not in st.session_state:
        asked = st.query_params.get(name)
        st.session_state[name] = asked if asked in options else default
    value = st.segmented_control(
        label,
        list(options),
        required=True,
        format_func=options.__getitem__,
        key=name,
        label_visibility="visible" if visible else "collapsed",
    )
    remember(name, str(value), default)
    return str(value)


def remember(name: str, value: str, default: str | None = None) -> None:
    """Put a value into the address; one that is the default needs no place there."""
    if value == default:
        if name in st.query_params:
            del st.query_params[name]
    elif st.query_params.get(name) != value:
        st.query_params[name] = value


def asked_number(name: str, low: float, high: float) -> float | None:
    """Return a number from the address, None when it holds none within the bounds."""
    try:
        value = float(st.query_params.get(name, ""))
    except ValueError:
        return None
    return value if low <= value <= high else None


def address() -> str:
    """Return the address of this page with everything that was chosen on it until now."""
    base = (st.context.url or "").partition("?")[0]
    pairs = [(name, value) for name in st.query_params for value in st.query_params.get_all(name)]
    return f"{base}?{urlencode(pairs)}" if pairs else base
