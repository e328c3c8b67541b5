"""The latest predictions of the Monitor page: images with their defects, refusals in words."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import cv2
import numpy as np
import numpy.typing as npt
import streamlit as st

from blemish.arrays import Plane
from blemish.dashboard import page_cache
from blemish.dashboard.address_widgets import remember
from blemish.dashboard.local_times import both_times, local_zone
from blemish.dashboard.monitor.prediction_controls import choose_predictions
from blemish.dashboard.page_errors import guarded, plain
from blemish.dashboard.page_parts import TILE
from blemish.errors import ImageError
from blemish.imaging import decode_image
from blemish.monitoring import prediction_search
from blemish.monitoring.image_store import ImageStore
from blemish.monitoring.prediction_log import LogEntry
from blemish.monitoring.prediction_search import LoggedPrediction
from blemish.problem_kinds import problem_title
from blemish.visualization import OUTLINE, encode_png

_IMAGES, _REFUSALS, _BESIDE = 12, 25, 3
_SIDE = 256  # pixels
Box = tuple[int, int, int, int]


@guarded
def show() -> None:
    """Show a page of predictions, newest first: images as tiles, refusals as lines."""
    st.markdown("### Latest predictions")
    wanted = choose_predictions()
    before = _asked_place()
    errors_only = wanted.verdict == "errors"
    count = _REFUSALS if errors_only else _IMAGES
    seen = replace(wanted, verdict="answered") if wanted.verdict == "all" else wanted
    refused: list[LoggedPrediction] = []
    with page_cache.asking_log() as engine:
        found = prediction_search.search(engine, count + 1, seen, before=before)
        if wanted.verdict == "all" and before is None:
            errors = replace(wanted, verdict="errors")
            refused = prediction_search.search(engine, _BESIDE, errors)
    shown = found[:count]
    if not shown and not refused:
        st.caption("No prediction passes the filter.")
    if errors_only:
        _show_refusals(shown)
    else:
        _show_tiles(shown)
    _show_pages(shown, more=len(found) > count, before=before)
    if refused:
        st.markdown("##### Refused or failed, newest")
        _show_refusals(refused)


def verdict_of(entry: LogEntry) -> str:
    """Return in words what was said of an image, or that it was refused."""
    if entry.error:
        return f"{problem_title(entry.error)} ({entry.status})"
    found = entry.prediction
    if found is None or not found.defective:
        return "defect-free"
    number = found.defect_count
    share = f"{found.defect_area_fraction:.2%} of the image"
    return f"{number} defect{'' if number == 1 else 's'}, {share}"


def _asked_place() -> int | None:
    asked = st.query_params.get("before", "")
    return int(asked) if asked.isdecimal() and len(asked) < 19 else None


def _show_pages(shown: Sequence[LoggedPrediction], *, more: bool, before: int | None) -> None:
    """Show the buttons to older predictions and back to the newest."""
    with st.container(horizontal=True):
        if more and st.button("Older", icon=":material/arrow_back:", key="older"):
            remember("before", str(shown[-1].id))
            st.rerun(scope="fragment")
        if before is not None and st.button("Newest", icon=":material/last_page:", key="newest"):
            st.query_params.pop("before", None)
            st.rerun(scope="fragment")


def _show_tiles(shown: Sequence[LoggedPrediction]) -> None:
    store = page_cache.logged_images()
    with st.container(horizontal=True, key="tiles-predictions"):
        for logged in shown:
            with st.container(width=TILE):
                _show_tile(logged, store)


def _show_tile(logged: LoggedPrediction, store: ImageStore) -> None:
    entry, image = logged.entry, None
    if entry.prediction is not None:
        defects = tuple(defect.bbox for defect in entry.prediction.defects)
        image = _image(entry.prediction.image.sha256, defects, store)
    verdict = verdict_of(entry)
    with st.container(border=True, gap="xsmall", key=f"tile-{logged.id}"):
        if image is None:
            st.html("<div class='blemish-no-image'>no image kept</div>")
        else:
            st.image(image, width="stretch", alt=f"Image of the request: {verdict}")
        st.markdown(f"**{plain(verdict)}**")
        st.caption(_note(entry))
        _show_open(logged)


def _show_open(logged: LoggedPrediction) -> None:
    """Show the button that opens a prediction; on a tile it lies over the whole of it."""
    if st.button("Open", key=f"open-{logged.id}", type="tertiary", icon=":material/zoom_in:"):
        remember("prediction", str(logged.id))
        st.rerun(scope="app")


def _note(entry: LogEntry) -> str:
    today = entry.time.date() == datetime.now(UTC).date()
    parts = [both_times(entry.time, local_zone(), seconds=today, date=not today)]
    if entry.version is not None:
        parts.append(f"version {entry.version}")
    if entry.key is not None:
        parts.append(f"key {entry.key}")
    if entry.prediction is not None:
        parts.append(f"{entry.prediction.timing_ms.total:.0f} ms")
    return plain(" · ".join(parts))


def _show_refusals(shown: Sequence[LoggedPrediction]) -> None:
    """Show refused requests, a line each, in the words that the client was given."""
    for logged in shown:
        entry = logged.entry
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            _show_open(logged)
            with st.container(width="stretch", gap=None):
                said = plain(entry.detail) if entry.detail else "The log holds no sentence of it."
                st.markdown(f"**{plain(verdict_of(entry))}**: {said}")
                st.caption(_note(entry))


@st.cache_data(max_entries=128, show_spinner=False)
def _image(sha256: str, boxes: Sequence[Box], _store: ImageStore) -> bytes | None:
    """Return a small square PNG with a frame around each defect; None when it is not kept."""
    data = _store.get(sha256)
    if data is None:
        return None
    try:
        plane = decode_image(data).plane
    except ImageError:
        return None
    return encode_png(_draw(plane, boxes))


def _draw(plane: Plane, boxes: Sequence[Box]) -> npt.NDArray[np.uint8]:
    scale = _SIDE / max(plane.shape)
    size = tuple(max(1, round(side * scale)) for side in plane.shape[::-1])
    small = cv2.resize(plane, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    canvas = np.full((_SIDE, _SIDE, 3), 32, np.uint8)
    top, left = (_SIDE - size[1]) // 2, (_SIDE - size[0]) // 2
    canvas[top : top + size[1], left : left + size[0]] = small[:, :, None]
    for box in boxes:
        x, y, width, height = (value * scale for value in box)
        corner = (round(left + x) - 2, round(top + y) - 2)
        opposite = (round(left + x + width) + 1, round(top + y + height) + 1)
        cv2.rectangle(canvas, corner, opposite, OUTLINE, 1)
    return canvas
