"""One image from one seed: a workpiece, its defects, and the camera."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blemish.arrays import Mask
from blemish.config.generate import Generate
from blemish.damage.events import (
    DefectEvent,
    DrawnDefect,
    apply_events,
    draw_events,
    paint_events,
    pick,
)
from blemish.damage.noise import Field
from blemish.damage.opencv_threads import one_opencv_thread
from blemish.damage.surfaces import SURFACES
from blemish.damage.workpiece import Workpiece
from blemish.synthesis.camera import Camera, choose_camera
from blemish.synthesis.distractors import distract
from blemish.synthesis.manufacture import make_workpiece

_ATTEMPTS = 4

CameraChoice = Callable[[np.random.Generator, float], Camera]
"""Sets up a camera from a generator of random numbers and the magnification of the drawing."""


@dataclass(frozen=True)
class Scene:
    """One image with all that is known of it.

    Attributes:
        image: Shape ``(H, W)``, uint8.
        mask: Shape ``(H, W)``, bool: the union of the defects.
        defects: Those that show.
        surface: A key of :data:`blemish.damage.surfaces.SURFACES`.
        attributes: Surface and magnification, as JSON values.
        clean: The noiseless signal without the defects, grey levels.
        seen: The same with them.
        noise: Deviation of the camera's noise, grey levels.
    """

    image: NDArray[np.uint8]
    mask: Mask
    defects: tuple[DrawnDefect, ...]
    surface: str
    attributes: dict[str, Any]
    clean: Field
    seen: Field
    noise: Field


def draw(
    seed: int,
    params: Generate,
    index: int,
    *,
    surface: str | None = None,
    defect: str | None = None,
    choose: CameraChoice = choose_camera,
) -> Scene:
    """Draw image ``index`` of a set; the same arguments give the same bytes.

    Args:
        seed: Seed of the set.
        params: What the set looks like.
        index: Number of the image, from 0.
        surface: The surface to draw; by its weight where not given.
        defect: The one defect to draw, whatever the share of clean images.
        choose: Sets up the camera.

    Raises:
        KeyError: There is no such surface or defect.
    """
    wanted = defect is not None or not is_clean(index, params.clean_share)
    with one_opencv_thread():
        for child in np.random.SeedSequence(seed, spawn_key=(index,)).spawn(_ATTEMPTS):
            rng = np.random.default_rng(child)
            lay = surface or pick(rng, params.surfaces.model_dump())
            scene = _compose(rng, params, lay, choose, defect=defect, wanted=wanted)
            if bool(scene.defects) == wanted:
                break
    return scene


def is_clean(index: int, share: float) -> bool:
    """Say whether image ``index`` is a clean one: of any N in a row, N times the share are."""
    return int((index + 1) * share + 1e-9) > int(index * share + 1e-9)


def _compose(
    rng: np.random.Generator,
    params: Generate,
    surface: str,
    choose: CameraChoice,
    *,
    defect: str | None,
    wanted: bool,
) -> Scene:
    piece = make_workpiece(rng, params.size, surface)
    distract(rng, piece, params.distractors, directed=SURFACES[surface].directed)
    camera = choose(rng, piece.unit)
    light = _lit(piece, piece.reflectance)
    clean = camera.see(light, gain := camera.expose(light, piece.part))
    noise = camera.deviation(clean)
    events = _events(rng, params, piece, defect) if wanted else []
    seen, defects = clean, tuple[DrawnDefect, ...]()
    if events:
        seen = camera.see(_lit(piece, apply_events(piece, events)), gain)
        defects = paint_events(events, seen, clean, noise, piece)
    return Scene(
        image=camera.capture(rng, seen),
        mask=_union(defects, piece.shape),
        defects=defects,
        surface=surface,
        attributes={"surface": surface, "unit_px": round(piece.unit, 3)},
        clean=clean,
        seen=seen,
        noise=noise,
    )


def _union(defects: Sequence[DrawnDefect], shape: tuple[int, int]) -> Mask:
    mask = np.zeros(shape, dtype=np.bool_)
    for found in defects:
        mask |= found.mask
    return mask


def _lit(piece: Workpiece, reflectance: Field) -> Field:
    """Return the light that reaches the camera."""
    light = reflectance * piece.lighting
    if piece.part is None or piece.background is None:
        return light
    return light * piece.part + piece.background * (1 - piece.part)


def _events(
    rng: np.random.Generator, params: Generate, piece: Workpiece, defect: str | None
) -> list[DefectEvent]:
    """Draw the events of an image: the one asked for, else as many as chance has it."""
    weights = params.defects.model_dump() if defect is None else {defect: 1.0}
    count = 1 if defect else 1 + int(rng.poisson(max(params.defects_per_image - 1, 0)))
    return draw_events(rng, weights, piece, count=count, contrast=params.contrast)
