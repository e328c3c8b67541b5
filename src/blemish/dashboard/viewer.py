"""Panes that zoom and move together, as a component of our own; nothing comes from outside."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import streamlit as st

from blemish.arrays import Plane
from blemish.visualization import encode_png

_RGBA = 4
_LONGEST_SIDE = 2_048  # pixels; what a screen shows, whatever the camera took

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Pane:
    """One pane: a layer over the common image.

    Attributes:
        title: Above it.
        layer: RGB or grey, shape ``(H, W[, 3])``, uint8; None shows the image alone.
        alt: What the pane shows, in words.
        place: ``original``, ``difference``, ``a`` or ``b``; narrow screens order by it.
    """

    title: str
    layer: npt.NDArray[np.uint8] | None
    alt: str
    place: str = "original"


@dataclass(frozen=True)
class ViewerFrame:
    """One image with its panes, as the browser keeps it.

    Attributes:
        image_id: Name of the image; a step in the list shows the frame of that name at once.
        content: What the component draws: the image, its size and its panes, as JSON values.
    """

    image_id: str
    content: Mapping[str, object] = field(repr=False)

    @property
    def bytes(self) -> int:
        """How much its images take, as they are sent."""
        panes = self.content["panes"]
        layers = [pane["layer"] or "" for pane in panes]  # type: ignore[attr-defined]  # JSON
        return len(str(self.content["base"])) + sum(map(len, layers))


def make_frame(image_id: str, plane: Plane, panes: Sequence[Pane]) -> ViewerFrame:
    """Encode an image and its panes.

    Args:
        image_id: Name of the image.
        plane: Shape ``(H, W)``, uint8.
        panes: In reading order.
    """
    return ViewerFrame(
        image_id,
        {
            "id": image_id,
            "base": image_url(plane),
            "width": plane.shape[1],
            "height": plane.shape[0],
            "panes": [
                {
                    "title": pane.title,
                    "alt": pane.alt,
                    "place": pane.place,
                    "layer": None if pane.layer is None else image_url(_sparse(plane, pane.layer)),
                }
                for pane in panes
            ],
        },
    )


def show_frames(frames: Sequence[ViewerFrame], *, stamp: str, opacity: float, key: str) -> None:
    """Show the panes of the first frame; the browser keeps the others for the next step.

    Args:
        frames: The image to show, then its neighbours.
        stamp: Changes when frames that the browser keeps are no longer right.
        opacity: Opacity of the layers, in ``[0, 1]``.
        key: Key of the component; zoom and place live as long as it does.
    """
    _component()(
        key=key,
        data={
            "frames": [dict(frame.content) for frame in frames],
            "current": frames[0].image_id,
            "stamp": stamp,
            "opacity": opacity,
        },
    )


def _sparse(plane: Plane, layer: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Make a layer transparent where it repeats the image: marks alone take a hundredth of bytes.

    Args:
        plane: Shape ``(H, W)``, uint8.
        layer: RGB of the same height and width; any other is returned as it is.

    Returns:
        RGBA, shape ``(H, W, 4)``, uint8; the layer itself where less than half of it is the image.
    """
    if layer.ndim == 2 or layer.shape[:2] != plane.shape:
        return layer
    repeated = (layer == plane[:, :, None]).all(axis=2)
    if 2 * np.count_nonzero(repeated) < repeated.size:
        return layer
    marks = np.dstack([layer, np.full(plane.shape, 255, np.uint8)])
    marks[repeated] = 0
    return marks


def image_url(image: npt.NDArray[np.uint8]) -> str:
    """Return an image as a ``data:`` address, shrunk to what a screen can show."""
    longest = max(image.shape[:2])
    if longest > _LONGEST_SIDE:
        scale = _LONGEST_SIDE / longest
        size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return "data:image/png;base64," + base64.b64encode(_png(image)).decode("ascii")


def _png(image: npt.NDArray[np.uint8]) -> bytes:
    if image.ndim == 2 or image.shape[2] != _RGBA:
        return encode_png(image)
    return cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGBA2BGRA))[1].tobytes()


@st.cache_resource(show_spinner=False)
def _component() -> "st.components.v2.types.ComponentRenderer":
    return st.components.v2.component(
        "blemish_viewer",
        html="<div class='bar'></div><div class='grid'></div>",
        css=(_FOLDER / "viewer.css").read_text(encoding="utf-8"),
        js=(_FOLDER / "viewer.js").read_text(encoding="utf-8"),
    )
