"""One image of a set, opened large over the page: its mask, its classes, its neighbours."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import streamlit as st

from blemish.dashboard.address_widgets import page_address
from blemish.dashboard.image_collections import ImageCollection, ImageEntry, OpenedImage
from blemish.dashboard.page_errors import caught, plain
from blemish.dashboard.page_parts import show_link, show_step
from blemish.dashboard.viewer import Pane, make_frame, show_frames
from blemish.visualization import overlay_outline

_NAME = "open"


def show(
    folder: str,
    collection: ImageCollection,
    chosen: Sequence[ImageEntry],
    splits: Mapping[str, str],
) -> None:
    """Open the image that the address names, where it names one.

    Args:
        folder: Name of the set's folder, by which Compare knows it.
        collection: The set.
        chosen: The images that pass the filter, in order: the steps go through them.
        splits: Split of each image, by its id.
    """
    asked = st.query_params.get(_NAME)
    if asked is None:
        return
    if collection.index(asked) is None:
        st.warning(
            f"The address names the image {plain(asked)}, which is not in this set.",
            icon=":material/link_off:",
        )
        return
    dialog = st.dialog("Image", width="large", on_dismiss=_close)
    dialog(_show)(folder, collection, [one.image_id for one in chosen], splits)


def _close() -> None:
    st.query_params.pop(_NAME, None)


def _show(
    folder: str, collection: ImageCollection, order: Sequence[str], splits: Mapping[str, str]
) -> None:
    with caught(again=False):
        image_id = st.query_params.get(_NAME, "")
        index = collection.index(image_id) or 0
        entry, image = collection.entries[index], collection.image(index)
        _show_steps(image_id, order)
        st.caption(plain(" · ".join(_facts(entry, image.plane.shape, splits))))
        show_frames(
            [make_frame(image_id, image.plane, list(_panes(image_id, image, collection.region)))],
            stamp=collection.digest,
            opacity=1.0,
            key="opened",
        )
        st.link_button(
            "Open in Compare",
            page_address("", {"on": f"set:{folder}", "image": image_id}),
            icon=":material/compare:",
            help="The images of this set under two versions, beginning with this one.",
        )
        show_link("Link to this image")


def _show_steps(image_id: str, order: Sequence[str]) -> None:
    place = order.index(image_id) if image_id in order else -1
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"#### {plain(image_id)}")
        if place >= 0:
            st.caption(f"{place + 1} of {len(order)}")
        show_step("Previous", _NAME, order[place - 1] if place > 0 else None, back=True)
        follows = 0 <= place < len(order) - 1
        show_step("Next", _NAME, order[place + 1] if follows else None, back=False)


def _facts(entry: ImageEntry, shape: tuple[int, ...], splits: Mapping[str, str]) -> list[str]:
    said = ", ".join(entry.classes) or "defect-free"
    split = splits.get(entry.image_id)
    return [
        f"declared clean: {said}" if entry.clean else said,
        f"{shape[1]} x {shape[0]} pixels",
        f"group {entry.group}",
        f"split {split}" if split else "in no split",
    ]


def _panes(image_id: str, image: OpenedImage, region: np.ndarray | None) -> Iterator[Pane]:
    yield Pane("Image", None, f"The image {image_id}.")
    if image.truth is not None:
        outline = overlay_outline(image.plane, image.truth)
        yield Pane("Outline of the mask", outline, "The image with the mask's outline.", "a")
        yield Pane("Mask", image.truth.astype(np.uint8) * 255, "The mask.", "b")
    if region is not None and region.shape == image.plane.shape:
        shaded = np.where(region, image.plane, image.plane // 4).astype(np.uint8)
        yield Pane("Region of interest", shaded, "What counts; the rest is dark.")
