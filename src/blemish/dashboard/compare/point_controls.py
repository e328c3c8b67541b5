"""The controls above a comparison: a threshold for each version, and which images count."""

from collections.abc import Sequence

import streamlit as st

from blemish.dashboard.address_widgets import asked_number, keep_address, remember
from blemish.dashboard.compare.compared_images import SIZES, ComparedImage, size_of
from blemish.dashboard.compare.image_filters import ImageFilter
from blemish.dashboard.compare.threshold_levels import STEP
from blemish.dashboard.compare.version_pair import Pair, Side


def choose_thresholds(pair: Pair) -> tuple[float, float]:
    """Show a threshold slider for each version, or one for both."""
    left, right, link = st.columns([3, 3, 1.1], vertical_alignment="bottom")
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
    shown = st.slider(
        label, 0.0, 1.0, step=STEP, format="%.3f", key=key,
        help=f"From this probability on a pixel is marked. Version {side.version.version} carries "
        f"{own:.3f}, chosen on validation images. At every threshold a mark counts only if its "
        f"probability somewhere reaches {peak:.3f} (the peak).",
    )  # fmt: skip
    remember(name, f"{shown:.3f}", f"{own:.3f}")
    return own if abs(shown - own) < STEP / 10 else round(float(shown), 3)


def _snapped(asked: float, own: float) -> float:
    """Return what a slider can show nearest to a value: a step, or the version's own threshold."""
    step = round(round(asked / STEP) * STEP, 3)
    return min((step, round(own, 3)), key=lambda value: abs(value - asked))


def choose_images(compared: Sequence[ComparedImage]) -> ImageFilter:
    """Let a person choose which images count."""
    classes = {name for one in compared for name in one.entry.classes}
    sets = {one.entry.set_name for one in compared}
    sizes = {size_of(one) for one in compared if one.defective is not None}
    with st.popover("Filter", icon=":material/filter_list:", width="stretch"):
        return ImageFilter(
            _filter("Class", "class", classes) if classes else set(),
            _filter("Set", "set", sets) if len(sets) > 1 else set(),
            _filter("Size of the defects", "size", sizes, SIZES) if sizes else set(),
        )


def _filter(label: str, name: str, values: set[str], order: Sequence[str] = ()) -> set[str]:
    options = [value for value in order if value in values] or sorted(values)
    if name not in st.session_state:
        st.session_state[name] = st.query_params.get_all(name)
    st.session_state[name] = [value for value in st.session_state[name] if value in options]
    chosen = st.multiselect(label, options, key=name, placeholder="All")
    if chosen != st.query_params.get_all(name):
        st.query_params[name] = chosen
        keep_address()
    return set(chosen)
