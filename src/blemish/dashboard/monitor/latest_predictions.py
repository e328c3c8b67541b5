"""The latest predictions of the Monitor page: images with their defects."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
import streamlit as st

from blemish.dashboard import page_cache
from blemish.dashboard.address_widgets import pick
from blemish.dashboard.page_errors import guarded, plain
from blemish.errors import ImageError
from blemish.imaging import decode_image
from blemish.monitoring import logged_predictions
from blemish.monitoring.database import pictures_folder
from blemish.monitoring.image_store import ImageStore
from blemish.monitoring.prediction_log import PredictionRecord
from blemish.visualization import OUTLINE

_COUNT = 12
TILE = 208  # pixels: six, four or three in a row on a desk, a laptop, a tablet
_SIDE = 256  # pixels
Box = tuple[int, int, int, int]
_KINDS = {"all": "All", "defective": "With defects", "errors": "Errors"}


@guarded
def show() -> None:
    """Show the latest predictions, newest first."""
    title, kinds = st.columns([1, 1], vertical_alignment="bottom")
    title.markdown("### Latest predictions")
    with kinds:
        only = pick("Show", "only", _KINDS, default="all", visible=False)
    with page_cache.asking_log() as engine:
        found = logged_predictions.latest(engine, _COUNT, only)
    if not found:
        st.caption("Nothing yet.")
    store = ImageStore(pictures_folder(page_cache.environment()))
    with st.container(horizontal=True):
        for logged in found:
            with st.container(width=TILE):
                _show_one(logged, store)


def _show_one(logged: PredictionRecord, store: ImageStore) -> None:
    image = None
    if logged.prediction is not None:
        defects = tuple(defect.bbox for defect in logged.prediction.defects)
        image = _image(logged.prediction.image.sha256, defects, store)
    verdict = _verdict(logged)
    with st.container(border=True, gap="xsmall"):
        if image is None:
            st.html('<div style="aspect-ratio:1;display:grid;place-items:center;opacity:.6">'
                    "no image kept</div>")  # fmt: skip
        else:
            st.image(image, width="stretch", alt=f"Image of the request: {verdict}")
        st.markdown(f"**{plain(verdict)}**")
        st.caption(_note(logged))


def _verdict(logged: PredictionRecord) -> str:
    if logged.error:
        return f"{logged.status} {logged.error}"
    found = logged.prediction
    if found is None or not found.defective:
        return "defect-free"
    number = found.defect_count
    return f"{number} defect{'' if number == 1 else 's'}, {found.defect_area_fraction:.2%}"


def _note(logged: PredictionRecord) -> str:
    parts = [f"{logged.time:%H:%M:%S}"]
    if logged.version is not None:
        parts.append(f"version {logged.version}")
    if logged.prediction is not None:
        parts.append(f"{logged.prediction.timing_ms.total:.0f} ms")
    return plain(" · ".join(parts))


@st.cache_data(max_entries=512, show_spinner=False)
def _image(sha256: str, boxes: Sequence[Box], _store: ImageStore) -> npt.NDArray[np.uint8] | None:
    """Return a small square image with a frame around each defect; None when it is not kept."""
    data = _store.get(sha256)
    if data is None:
        return None
    try:
        plane = decode_image(data).plane
    except ImageError:
        return None
    return _draw(plane, boxes)


def _draw(plane: npt.NDArray[np.uint8], boxes: Sequence[Box]) -> npt.NDArray[np.uint8]:
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
