"""A live preview of the generator: what a changed parameter does, in a second."""

from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st
from pydantic import ValidationError

from blemish.arrays import Mask
from blemish.config import Workspace, load_params
from blemish.config.generate import DefectWeights, Generate, SurfaceWeights
from blemish.dashboard.page_errors import guarded, plain
from blemish.dashboard.page_parts import TILE
from blemish.visualization import overlay_outline

_IMAGES = 8
_ANY = "by weight"


@st.fragment
@guarded
def show(workspace: Workspace) -> None:
    """Show the parameters beside what they draw; nothing is written anywhere."""
    params = load_params(workspace.params_file).generate
    st.caption(
        "Drawn by the code of the generate stage. To keep a value, put it into `params.yaml` "
        "and run `dvc repro`."
    )
    controls, images = st.columns([1, 2.6], gap="medium")
    with controls:
        changed = _controls(params)
        surface = _choose("Surface", list(SurfaceWeights.model_fields), "preview-surface")
        defect = _choose("Defect", list(DefectWeights.model_fields), "preview-defect")
        masks = st.toggle("Show masks", value=False, key="preview-masks")
        first = int(st.number_input("From image", 0, 1_000_000, 0, _IMAGES, key="preview-first"))
    try:
        chosen = Generate.model_validate(params.model_dump() | changed)
    except ValidationError as error:
        st.error(plain(error.errors()[0]["msg"]))
        return
    with images, st.container(horizontal=True, key="tiles-drawn"):
        for index in range(first, first + _IMAGES):
            plane, mask, about = _draw(chosen.model_dump_json(), index, surface, defect)
            shown = overlay_outline(plane, mask) if masks else plane
            with st.container(width=TILE):
                st.image(shown, width="stretch", alt=f"Drawn image {index}: {about}")
                st.caption(plain(about))


def _controls(params: Generate) -> dict[str, Any]:
    """Show a widget for each parameter that shapes an image."""
    return {
        "seed": int(st.number_input("Seed", 0, 2**31, params.seed, key="preview-seed")),
        "size": int(
            st.select_slider("Size, px", [64, 128, 192, 256, 384, 512], 256, key="preview-size")
        ),
        "clean_share": st.slider(
            "Share of defect-free images", 0.0, 1.0, params.clean_share, 0.05, key="preview-clean"
        ),
        "defects_per_image": st.slider(
            "Events on a defective part", 1.0, 6.0, params.defects_per_image, 0.1,
            key="preview-defects",
        ),
        "distractors": st.slider(
            "Harmless things on a part", 0.0, 6.0, params.distractors, 0.1,
            key="preview-distractors",
        ),
        "contrast": st.slider(
            "Contrast, in deviations of the texture", 0.1, 40.0,
            (params.contrast[0], min(params.contrast[1], 40.0)), 0.1, key="preview-contrast",
        ),
    }  # fmt: skip


def _choose(label: str, options: list[str], key: str) -> str | None:
    chosen = st.selectbox(label, [_ANY, *options], key=key)
    return None if chosen == _ANY else str(chosen)


@st.cache_data(max_entries=32, show_spinner=False)
def _draw(
    params: str, index: int, surface: str | None, defect: str | None
) -> tuple[npt.NDArray[np.uint8], Mask, str]:
    """Return an image, its mask and what is on it."""
    from blemish.synthesis.scene import draw  # noqa: PLC0415 - only a cache miss needs it

    parsed = Generate.model_validate_json(params)
    scene = draw(parsed.seed, parsed, index, surface=surface, defect=defect)
    classes = sorted({one.class_name for one in scene.defects})
    return scene.image, scene.mask, f"{scene.surface}: {', '.join(classes) or 'defect-free'}"
