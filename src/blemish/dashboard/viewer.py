"""Panes that zoom and move together, as a component of our own; nothing comes from outside."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import streamlit as st

from blemish.visualization import encode_png

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


def show_panes(
    plane: npt.NDArray[np.uint8], panes: Sequence[Pane], *, opacity: float, key: str
) -> None:
    """Show panes over one image.

    Args:
        plane: The image, shape ``(H, W)``, uint8.
        panes: In reading order.
        opacity: Of the layers, in ``[0, 1]``.
        key: Of the component; zoom and place live as long as it does.
    """
    _component()(
        key=key,
        data={
            "base": image_url(plane),
            "opacity": opacity,
            "width": plane.shape[1],
            "height": plane.shape[0],
            "panes": [
                {
                    "title": pane.title,
                    "alt": pane.alt,
                    "place": pane.place,
                    "layer": None if pane.layer is None else image_url(pane.layer),
                }
                for pane in panes
            ],
        },
    )


def image_url(image: npt.NDArray[np.uint8]) -> str:
    """Return an image as a ``data:`` address, shrunk to what a screen can show."""
    longest = max(image.shape[:2])
    if longest > _LONGEST_SIDE:
        scale = _LONGEST_SIDE / longest
        size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return "data:image/png;base64," + base64.b64encode(encode_png(image)).decode("ascii")


@st.cache_resource(show_spinner=False)
def _component() -> "st.components.v2.types.ComponentRenderer":
    return st.components.v2.component(
        "blemish_viewer",
        html="<div class='bar'></div><div class='grid'></div>",
        css=(_FOLDER / "viewer.css").read_text(encoding="utf-8"),
        js=(_FOLDER / "viewer.js").read_text(encoding="utf-8"),
    )
