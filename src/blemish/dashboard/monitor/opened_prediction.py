"""One prediction, opened large: its image, its defects, the heatmap, and all that was logged."""

import streamlit as st

from blemish.dashboard import page_cache
from blemish.dashboard.address_widgets import page_address
from blemish.dashboard.image_collections import OpenedImage
from blemish.dashboard.local_times import both_times, local_zone
from blemish.dashboard.monitor.latest_predictions import verdict_of
from blemish.dashboard.page_errors import caught, plain
from blemish.dashboard.page_parts import show_link, show_step
from blemish.dashboard.terms import meaning
from blemish.dashboard.viewer import Pane, ViewerFrame, make_frame, show_frames
from blemish.errors import BlemishError, ImageError
from blemish.imaging import decode_image
from blemish.inference import Segmentation
from blemish.monitoring import prediction_search
from blemish.monitoring.prediction_log import LogEntry
from blemish.monitoring.prediction_search import LoggedPrediction, PredictionFilter
from blemish.prediction import Prediction
from blemish.visualization import create_heatmap, overlay_outline

_NAME = "prediction"


def show() -> None:
    """Open the prediction that the address names, where it names one."""
    if _NAME in st.query_params:
        st.dialog("Prediction", width="large", on_dismiss=_close)(_show)()


def _close() -> None:
    st.query_params.pop(_NAME, None)


def _show() -> None:
    with caught(again=False):
        asked = st.query_params.get(_NAME, "")
        logged = None
        if asked.isdecimal() and len(asked) < 19:
            with page_cache.asking_log() as engine:
                logged = prediction_search.find(engine, int(asked))
        if logged is None:
            st.warning(
                f"The log holds no prediction {plain(asked)}. Predictions are deleted after the "
                "days that `monitor.keep.days` in params.yaml says.",
                icon=":material/link_off:",
            )
            return
        _show_steps(logged)
        _show_entry(logged)


def _show_steps(logged: LoggedPrediction) -> None:
    """Show what it is, and the buttons to its neighbours under the filter of the page."""
    wanted = st.session_state.get("_predictions_wanted", PredictionFilter())
    with page_cache.asking_log() as engine:
        older = prediction_search.search(engine, 1, wanted, before=logged.id)
        newer = prediction_search.newer_neighbour(engine, logged.id, wanted)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"#### {plain(verdict_of(logged.entry))}")
        show_step("Newer", _NAME, newer, back=True)
        show_step("Older", _NAME, older[0].id if older else None, back=False)


def _show_entry(logged: LoggedPrediction) -> None:
    entry = logged.entry
    st.caption(plain(" · ".join(_facts(entry))))
    if entry.detail:
        st.error(plain(entry.detail), icon=":material/block:")
    if entry.prediction is not None:
        _show_image(logged, entry.prediction)
        _show_defects(entry.prediction)
        for warning in entry.prediction.warnings:
            st.warning(plain(warning))
    show_link("Link to this prediction")


def _facts(entry: LogEntry) -> list[str]:
    facts = [both_times(entry.time, local_zone(), seconds=True)]
    if entry.version is not None:
        facts.append(f"version {entry.version}")
    facts.append("no API key" if entry.key is None else f"API key {entry.key}")
    if (found := entry.prediction) is not None:
        facts.append(f"{found.image.width} x {found.image.height} pixels")
        facts.append(f"threshold {found.threshold:.3f}")
        took = found.timing_ms
        facts.append(f"{took.total:.1f} ms, of which the model took {took.infer:.1f} ms")
    if entry.shadow_disagreement is not None:
        other = f"version {entry.shadow_version} decided otherwise"
        facts.append(f"{other} on {entry.shadow_disagreement:.2%} of the pixels")
    return [*facts, f"request {entry.request_id}"]


def _show_image(logged: LoggedPrediction, found: Prediction) -> None:
    """Show image, defects and heatmap; the log keeps no heatmap, so the version looks again."""
    data = page_cache.logged_images().get(found.image.sha256)
    if data is None:
        st.info(
            "The image is no longer kept: `monitor.keep` in params.yaml says for how long.",
            icon=":material/image_not_supported:",
        )
        return
    try:
        frame, again = _frame(logged.id, data, found)
    except ImageError as error:
        st.error(plain(str(error)), icon=":material/broken_image:")
        return
    _say_difference(found, again)
    show_frames([frame], stamp=str(logged.id), opacity=1.0, key="prediction-panes")
    st.link_button(
        "Open in Compare",
        page_address("", {"on": f"prediction:{logged.id}"}),
        icon=":material/compare:",
        help=f"The same image under two versions, side by side. Heatmap: {meaning('heatmap')}",
    )


def _say_difference(found: Prediction, again: Segmentation | None) -> None:
    """Say where the version, asked again, does not answer, or marks something else."""
    if again is None:
        st.caption(
            f"Without heatmap: version {found.model.version} is not in the registry any more, or "
            "the registry does not answer."
        )
    elif again.defect_count != found.defect_count:
        st.caption(
            f"Looked at again, version {found.model.version} marks {again.defect_count} defects; "
            f"the answer had {found.defect_count}. The request may have asked with other options."
        )


def _frame(number: int, data: bytes, found: Prediction) -> tuple[ViewerFrame, Segmentation | None]:
    plane = decode_image(data).plane
    image = OpenedImage(plane, None, found.image.sha256)
    name = f"prediction {number}"
    panes = [Pane("Image", None, f"The image of {name}.")]
    again = None
    try:
        version = page_cache.registry().resolve(found.model.version or 0)
        model = page_cache.load(version)
    except BlemishError:
        pass  # the caller says that there is no heatmap, and why
    else:
        own = found.threshold == model.card.point.threshold
        with st.spinner("The version looks at the image again ..."):
            probability = page_cache.probability(model, version.sha256, image)
        again = model.judge(probability, None if own else found.threshold)
        panes += [
            Pane("Defects", overlay_outline(plane, again.mask), "Its defects, outlined.", "a"),
            Pane("Heatmap", create_heatmap(again.probability), "Its heatmap.", "b"),
        ]
    return make_frame(name, plane, panes), again


def _show_defects(found: Prediction) -> None:
    if not found.defects:
        return
    st.dataframe(
        {
            "Position (x, y)": [f"{one.bbox[0]}, {one.bbox[1]}" for one in found.defects],
            "Length, px": [round(one.length_px, 1) for one in found.defects],
            "Width, px": [round(one.width_px, 1) for one in found.defects],
            "Area, px": [one.area_px for one in found.defects],
            "Direction, degrees": [round(one.orientation_deg) for one in found.defects],
            "Highest probability": [round(one.max_probability, 3) for one in found.defects],
        },
        hide_index=True,
        height="auto" if len(found.defects) < 6 else 210,
        column_config={
            "Length, px": st.column_config.NumberColumn(format="%.1f"),
            "Width, px": st.column_config.NumberColumn(format="%.1f"),
            "Highest probability": st.column_config.NumberColumn(format="%.3f"),
        },
        alt="Every defect with its place and size.",
    )
