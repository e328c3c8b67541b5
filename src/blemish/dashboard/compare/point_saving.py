"""A threshold that a person chose, saved as a candidate of its own."""

import time

import streamlit as st

from blemish.config import settings
from blemish.dashboard import page_cache
from blemish.dashboard.compare.compared_images import paired_calls
from blemish.dashboard.compare.comparison_view import ComparisonView
from blemish.dashboard.compare.fair_images import chosen_on
from blemish.dashboard.compare.image_sources import VALIDATION
from blemish.dashboard.confirmation import ask_author, confirmed
from blemish.dashboard.page_errors import caught, plain
from blemish.registry.derived import save_operating_point

_SAVED = "_saved_point"
_TOLD_S = 60.0


def offer(view: ComparisonView) -> None:
    """Show the button for the thresholds that are not the versions' own."""
    if settings().dashboard_read_only:
        return
    own = [side.model.card.point.threshold for side in view.pair.sides]
    changed = [number for number in (0, 1) if view.thresholds[number] != own[number]]
    if st.button(
        "Save threshold",
        key="save-point",
        icon=":material/save:",
        width="stretch",
        disabled=not changed or not view.comparison.done,
        help="Registers a version with the same network and the chosen threshold, as candidate. "
        "Move a slider first. Choose it on validation images: the gate refuses one that was "
        "chosen on test images, since these prove nothing about it then.",
    ):
        _save(view, changed)


def show_saved() -> None:
    """Say for a minute which version was made; the page may be drawn anew many times in it."""
    sentence, made = st.session_state.get(_SAVED, ("", 0.0))
    if sentence and time.monotonic() - made < _TOLD_S:
        st.success(sentence, icon=":material/check_circle:")


@st.dialog("Save threshold", width="large")
def _save(view: ComparisonView, changed: list[int]) -> None:
    with caught(again=False):
        names = {number: view.pair.sides[number].title for number in changed}
        number = int(
            st.radio("Of", changed, format_func=names.__getitem__, key="save-of", horizontal=True)
        )
        side, value = view.pair.sides[number], view.thresholds[number]
        point = side.point_at(value)
        shown = view.source == VALIDATION and side.version.run_id == view.pair.b.version.run_id
        basis = chosen_on(view.fitted[number], view.counted, validation=shown)
        st.markdown(_proposal(view, number))
        if basis == "test":
            st.warning(
                "Some of these images are test images of that version, or nobody knows which are. "
                "The gate will refuse the new version: its test images prove nothing about it any "
                "more. Choose the threshold on validation images instead.",
                icon=":material/warning:",
            )
        who, reason = ask_author()
        if not confirmed("Save", who=who, reason=reason, needs_reason=False):
            return
        with st.spinner("Registering the version ..."):
            made = save_operating_point(
                page_cache.registry(), side.version, point, who=who, reason=reason, chosen_on=basis
            )
        page_cache.forget_versions()
        sentence = (
            f"Version {made} has the network of version {side.version.version} and the threshold "
            f"{value:.3f}, chosen on {basis} images. It is the newest candidate: ask the gate "
            "about it on the page Models."
        )
        st.session_state[_SAVED] = sentence, time.monotonic()
        st.rerun()


def _proposal(view: ComparisonView, number: int) -> str:
    side, value = view.pair.sides[number], view.thresholds[number]
    own = side.model.card.point
    said = (
        f"Version **{side.version.version}** with the threshold **{value:.3f}** instead of "
        f"{own.threshold:.3f} (peak {own.peak:.3f}, as before) becomes a new version and candidate."
    )
    parts = paired_calls(view.counted).by_part()
    if not len(parts):
        return said
    missed, flagged = parts.escapes, parts.false_alarms
    ours = [(share.a, share.b)[number] for share in (missed, flagged)]
    return (
        f"{said} On {plain(view.collection.name)} it misses {ours[0]} of {missed.total} defective "
        f"parts and flags {ours[1]} of {flagged.total} defect-free parts."
    )
