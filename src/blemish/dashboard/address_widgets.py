"""Widgets whose value stands in the address, so that a link shows the same page."""

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlencode

import streamlit as st

from blemish.dashboard.page_errors import plain

_PAGE, _KEPT, _LOST = "_page", "_addresses", "_unresolved"


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
    fallback = default if default is not None and default in options else options[0]
    asked = st.query_params.get(name)
    if name not in st.session_state or st.session_state[name] not in options:
        st.session_state[name] = asked if asked in options else fallback
        if asked is not None and asked not in options:
            note_unresolved(name, asked, fallback)
    value = str(st.selectbox(label, options, key=name, format_func=shown, help=help))
    say_unresolved(name, label, value, shown(value))
    remember(name, value, fallback)
    return value


def note_unresolved(name: str, asked: str, instead: str) -> None:
    """Note that the address named what is not there.

    Args:
        name: Query parameter.
        asked: What it said.
        instead: The value that is used in its place.
    """
    st.session_state.setdefault(_LOST, {})[name] = (asked, instead)


def say_unresolved(name: str, label: str, value: str, shown: str) -> None:
    """Say it on the page for as long as nobody has chosen another value.

    Args:
        name: Query parameter.
        label: Label of the widget.
        value: Value of the widget now.
        shown: What the page shows for that value.
    """
    lost = st.session_state.get(_LOST, {})
    asked, instead = lost.get(name, ("", None))
    if value == instead:
        st.warning(
            f"The address names {plain(asked)} as {plain(label)}, which is not there; "
            f"shown instead: {plain(shown)}."
        )
    else:
        lost.pop(name, None)


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
    if st.session_state.get(name) not in options:
        asked = st.query_params.get(name)
        st.session_state[name] = asked if asked in options else default
        if asked is not None and asked not in options:
            note_unresolved(name, asked, default)
    value = st.segmented_control(
        label,
        list(options),
        required=True,
        format_func=options.__getitem__,
        key=name,
        label_visibility="visible" if visible else "collapsed",
    )
    chosen = default if value is None else str(value)  # in a tab that the browser has not shown yet
    say_unresolved(name, label, chosen, options[chosen])
    remember(name, chosen, default)
    return chosen


def choose_many(
    label: str,
    name: str,
    options: Sequence[str],
    *,
    default: Sequence[str] = (),
    help: str | None = None,  # noqa: A002 - Streamlit's name for it
) -> list[str]:
    """A box for any number of options, bound to the query parameter ``name``; none means all.

    Args:
        label: Above the box.
        name: Query parameter, once for each option that is chosen; also the widget's key. It is
            absent for the default, and empty where none is chosen in place of a default.
        options: What may be chosen.
        default: Chosen while nobody has chosen, even where it changes with the page.
        help: Beside the label.
    """
    if name not in st.session_state:
        chosen = st.query_params.get_all(name) if name in st.query_params else list(default)
        st.session_state[name] = [value for value in chosen if value]
    elif st.session_state[name] == st.session_state.get(f"_{name}-default"):
        st.session_state[name] = list(default)
    st.session_state[f"_{name}-default"] = list(default)
    asked = list(st.session_state[name])
    kept = st.session_state[name] = [value for value in asked if value in options]
    if gone := [value for value in asked if value not in options]:
        note_unresolved(name, ", ".join(gone), ", ".join(kept))
    chosen = [
        str(value)
        for value in st.multiselect(label, options, key=name, placeholder="All", help=help)
    ]
    say_unresolved(name, label, ", ".join(chosen), ", ".join(chosen) or "all")
    written = [] if chosen == list(default) else chosen or [""]
    if written != st.query_params.get_all(name):
        if written:
            st.query_params[name] = written
        else:
            st.query_params.pop(name, None)
        keep_address()
    return chosen


def switch(label: str, name: str, *, default: bool = True) -> bool:
    """A toggle bound to the query parameter ``name``: 1 or 0.

    Args:
        label: Beside the toggle.
        name: Query parameter; also the widget's key.
        default: State of the toggle when the address says nothing.
    """
    if name not in st.session_state:
        st.session_state[name] = st.query_params.get(name, str(int(default))) == "1"
    value = bool(st.toggle(label, key=name))
    remember(name, str(int(value)), str(int(default)))
    return value


def type_in(label: str, name: str, *, help: str | None = None) -> str:  # noqa: A002 - as above
    """A field for a line of text bound to the query parameter ``name``.

    Args:
        label: Above the field.
        name: Query parameter; also the widget's key.
        help: Beside the label.
    """
    if name not in st.session_state:
        st.session_state[name] = st.query_params.get(name, "")
    value = str(st.text_input(label, key=name, help=help)).strip()
    remember(name, value, "")
    return value


def remember(name: str, value: str, default: str | None = None) -> None:
    """Put a value into the address; one that is the default needs no place there."""
    if value == default:
        if name in st.query_params:
            del st.query_params[name]
    elif st.query_params.get(name) != value:
        st.query_params[name] = value
    keep_address()


def keep_address() -> None:
    """Note what stands in the address of the page that is shown, for when a person comes back."""
    page = st.session_state.get(_PAGE)
    if page is not None:
        kept = {name: st.query_params.get_all(name) for name in st.query_params}
        st.session_state.setdefault(_KEPT, {})[page] = kept


def restore_address(page: str) -> None:
    """Bring back what was chosen on a page that a person comes back to by the navigation."""
    left = st.session_state.get(_PAGE) not in (None, page)
    st.session_state[_PAGE] = page
    kept = st.session_state.get(_KEPT, {}).get(page)
    if left and kept and not st.query_params:
        st.query_params.from_dict(kept)


def asked_number(name: str, low: float, high: float) -> float | None:
    """Return a number from the address, None when it holds none within the bounds."""
    try:
        value = float(st.query_params.get(name, ""))
    except ValueError:
        return None
    return value if low <= value <= high else None


def page_address(page: str, values: Mapping[str, str]) -> str:
    """Return the address of another page of this dashboard, wherever a proxy shows it.

    Args:
        page: Path of the page; empty for Compare.
        values: What its widgets are to show.
    """
    base = (st.context.url or "").partition("?")[0].rstrip("/")
    own = st.session_state.get(_PAGE) or ""
    root = base.removesuffix(f"/{own}") if own else base
    return f"{root}/{page}?{urlencode(values)}"


def address() -> str:
    """Return the address of this page with everything that was chosen on it until now."""
    base = (st.context.url or "").partition("?")[0]
    pairs = [(name, value) for name in st.query_params for value in st.query_params.get_all(name)]
    return f"{base}?{urlencode(pairs)}" if pairs else base
