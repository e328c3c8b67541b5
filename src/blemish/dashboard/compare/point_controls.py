"""The controls above a comparison: a threshold for each version, and which images count."""

from collections.abc import Collection, Sequence

import streamlit as st

from blemish.dashboard.address_widgets import (
    asked_number,
    choose_many,
    note_unresolved,
    remember,
    say_unresolved,
)
from blemish.dashboard.compare.compared_images import SIZES
from blemish.dashboard.compare.image_filters import ImageFilter, usual_sets
from blemish.dashboard.compare.threshold_levels import STEP
from blemish.dashboard.compare.version_pair import Pair, Side
from blemish.dashboard.image_collections import ImageEntry


def choose_thresholds(pair: Pair) -> tuple[float, float]:
    """Show a threshold slider for each version, or one for both."""
    left, right, link = st.columns([3, 3, 1.9], vertical_alignment="bottom")
    linked = link.toggle("Linked", key="linked", bind="query-params", help="One slider for both.")
    with left:
        a = _slider(pair.a, "ta", "Threshold, both" if linked else "Threshold A")
    if linked:
        return a, a
    with right:
        return a, _slider(pair.b, "tb", "Threshold B")


def _slider(side: Side, name: str, label: str) -> float:
    own, peak = side.model.card.point.threshold, side.model.card.point.peak
    key = f"{name}-{side.version.sha256}"
    if key not in st.session_state:
        asked = asked_number(name, 0.0, 1.0)
        st.session_state[key] = round(own, 3) if asked is None else _snapped(asked, own)
        if asked is None and name in st.query_params:
            note_unresolved(name, st.query_params[name], f"{own:.3f}")
    shown = st.slider(
        label, 0.0, 1.0, step=STEP, format="%.3f", key=key,
        help=f"From this probability on a pixel is marked. Version {side.version.version} carries "
        f"{own:.3f}, chosen on validation images. At every threshold a mark counts only if its "
        f"probability somewhere reaches {peak:.3f} (the peak).",
    )  # fmt: skip
    say_unresolved(name, label, f"{shown:.3f}", f"{shown:.3f}")
    remember(name, f"{shown:.3f}", f"{own:.3f}")
    return meant(float(shown), own)


def meant(shown: float, own: float) -> float:
    """Return the threshold that a slider stands for: it shows three decimals of a version's own."""
    return own if round(shown, 3) == round(own, 3) else round(shown, 3)


def _snapped(asked: float, own: float) -> float:
    """Return what a slider can show nearest to a value: a step, or the version's own threshold."""
    step = round(round(asked / STEP) * STEP, 3)
    return min((step, round(own, 3)), key=lambda value: abs(value - asked))


def choose_images(
    entries: Sequence[ImageEntry], headline: Collection[str], *, judged: bool
) -> ImageFilter:
    """Let a person choose which images count.

    Args:
        entries: All images of the collection, looked at by the versions already or not.
        headline: Sets that the Dice of the version is of whose images these are.
        judged: Whether any has truth.
    """
    classes = sorted({name for one in entries for name in one.classes})
    sets = sorted({one.set_name for one in entries})
    sizes = list(SIZES) if judged else []
    with st.popover("Filter", icon=":material/filter_list:", width="stretch"):
        return ImageFilter(
            _filter("class", classes),
            _filter("set", sets, least=2, default=usual_sets(sets, headline)),
            _filter("size", sizes),
        )


def say_lost_filters() -> None:
    """Say outside of the popover which filters of the address name nothing that is there."""
    for name, label in _FILTERS.items():
        chosen = ", ".join(st.session_state.get(name, ()))
        say_unresolved(name, label, chosen, chosen or "all")


_FILTERS = {"class": "Class", "set": "Set", "size": "Size of the defects"}


def _filter(
    name: str, options: Sequence[str], *, least: int = 1, default: Sequence[str] = ()
) -> list[str]:
    """Show a filter where there is a choice, or where the address names one."""
    if len(options) < least and name not in st.query_params:
        return []
    return choose_many(_FILTERS[name], name, options, default=default)
