"""One picture from one seed: a workpiece, what happened to it, and the camera that saw it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from blemish.config.generate import Generate
from blemish.synthesis.camera import choose_camera
from blemish.synthesis.change import Change, Region
from blemish.synthesis.defects import DEFECTS
from blemish.synthesis.distractors import distract
from blemish.synthesis.noise import Field, choose
from blemish.synthesis.surfaces import SURFACES
from blemish.synthesis.visibility import Painted, judge, paint
from blemish.synthesis.workpiece import Workpiece, background, make_workpiece

_ATTEMPTS = 4
_AREA_SHARE = 0.7  # contrast of an area over that of a line as plain to see: an eye sums over it
_DEEPEST = 0.9  # change of the reflectance, of lines and spots
_DEPTHS = (0.15, 0.9)  # the same of areas: few stains are black
_DARKEST, _BRIGHTEST = 0.04, 3.0  # bounds of what metal and shadow reflect, 1 being plain metal


@dataclass(frozen=True)
class SceneDefect:
    """One defect of a picture.

    Attributes:
        class_name: A key of :data:`blemish.synthesis.defects.DEFECTS`.
        mask: Shape ``(H, W)``, bool.
        contrast_to_noise: Contrast of what is painted over the local noise.
        width_px: Typical width, px.
    """

    class_name: str
    mask: Region
    contrast_to_noise: float
    width_px: float


@dataclass(frozen=True)
class Scene:
    """One picture with all that is known of it.

    Attributes:
        image: Shape ``(H, W)``, uint8.
        mask: Shape ``(H, W)``, bool: the union of the defects.
        defects: Those that show.
        surface: A key of :data:`blemish.synthesis.surfaces.SURFACES`.
        attributes: What else to keep, as JSON values.
        clean: The noiseless signal without the defects, grey levels.
        seen: The same with them.
        noise: Deviation of the camera's noise, grey levels.
    """

    image: NDArray[np.uint8]
    mask: Region
    defects: tuple[SceneDefect, ...]
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
) -> Scene:
    """Draw picture ``index`` of a set; the same arguments give the same bytes.

    Args:
        seed: Seed of the set.
        params: What the set looks like.
        index: Number of the picture, from 0.
        surface: The surface to draw; by its weight where not given.
        defect: The one defect to draw, whatever the share of clean pictures.

    Raises:
        KeyError: There is no such surface or defect.
    """
    wanted = defect is not None or not is_clean(index, params.clean_share)
    children = np.random.SeedSequence(seed, spawn_key=(index,)).spawn(_ATTEMPTS)
    with _one_thread():
        for child in children:
            rng = np.random.default_rng(child)
            process = surface or _pick(rng, params.surfaces.model_dump())
            scene = _compose(rng, params, process, defect=defect, wanted=wanted)
            if bool(scene.defects) == wanted:
                break
    return scene


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep OpenCV to one thread: where it cuts its work into stripes decides the last bit."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def is_clean(index: int, share: float) -> bool:
    """Say whether picture ``index`` is a clean one: of any N in a row, N times the share are."""
    return int((index + 1) * share + 1e-9) > int(index * share + 1e-9)


def _pick(rng: np.random.Generator, weights: dict[str, float]) -> str:
    names = list(weights)
    odds = np.array([weights[name] for name in names])
    return str(names[int(rng.choice(len(names), p=odds / odds.sum()))])


def _compose(
    rng: np.random.Generator, params: Generate, surface: str, *, defect: str | None, wanted: bool
) -> Scene:
    piece = make_workpiece(rng, params.size, surface)
    distract(rng, piece, params.distractors, directed=SURFACES[surface].directed)
    camera = choose_camera(rng, piece.unit)
    around = background(rng, piece.shape) if piece.part is not None else None
    light = _lit(piece, piece.reflectance, around)
    gain = camera.expose(light)
    clean = camera.see(light, gain)
    noise = camera.deviation(clean)
    events = _events(rng, params, piece, defect) if wanted else []
    seen = clean
    defects: tuple[SceneDefect, ...] = ()
    if events:
        changed = _apply(piece, [change for _, changes in events for change in changes])
        seen = camera.see(_lit(piece, changed, around), gain)
        defects = _paint_all(events, seen, clean, noise, piece)
    mask = np.zeros(piece.shape, dtype=np.bool_)
    for found in defects:
        mask |= found.mask
    return Scene(
        image=camera.record(rng, seen),
        mask=mask,
        defects=defects,
        surface=surface,
        attributes={"surface": surface, "unit_px": round(piece.unit, 3)},
        clean=clean,
        seen=seen,
        noise=noise,
    )


def _lit(piece: Workpiece, reflectance: Field, around: Field | None) -> Field:
    """Return the light that reaches the camera."""
    light = reflectance * piece.lighting
    if piece.part is None or around is None:
        return light
    return light * piece.part + around * (1 - piece.part)


def _events(
    rng: np.random.Generator, params: Generate, piece: Workpiece, defect: str | None
) -> list[tuple[str, list[Change]]]:
    """Draw the events of a picture, each as strong as its contrast wants."""
    weights = params.defects.model_dump()
    count = 1 if defect else 1 + int(rng.poisson(max(params.defects_per_image - 1, 0)))
    events = []
    for _ in range(count):
        name = defect or _pick(rng, weights)
        target, deepest = choose(rng, *params.contrast), choose(rng, *_DEPTHS)
        changes = DEFECTS[name](rng, piece)
        events.append((name, [_scaled(change, piece, target, deepest) for change in changes]))
    return events


def _scaled(change: Change, piece: Workpiece, target: float, deepest: float) -> Change:
    """Return a change on the part alone, its contrast about ``target`` times the noise around it.

    Args:
        change: At nominal strength.
        piece: Where it happens.
        target: Contrast of a line, in deviations of the noise.
        deepest: Most that an area may change the reflectance by.
    """
    inside = change.delta[change.extent]
    if not inside.size:
        return change
    factor = 1.0
    if not change.finish:
        noise = float(np.hypot(piece.contrast, 0.012))
        share, most = (1.0, _DEEPEST) if change.thin else (_AREA_SHARE, deepest)
        factor = min(share * target * noise, most) / max(
            float(np.sqrt(np.mean(inside * inside))), 1e-4
        )
    delta = change.delta * np.float32(factor)
    if piece.part is not None:
        delta *= piece.part[change.box.slices]
    return replace(change, delta=delta)


def _apply(piece: Workpiece, changes: list[Change]) -> Field:
    """Return the reflectance after all changes, within what metal can reflect."""
    changed = piece.reflectance.copy()
    for change in changes:
        changed[change.box.slices] += change.delta
    return np.clip(changed, _DARKEST, np.maximum(_BRIGHTEST, piece.reflectance))


def _paint_all(
    events: list[tuple[str, list[Change]]],
    seen: Field,
    clean: Field,
    noise: Field,
    piece: Workpiece,
) -> tuple[SceneDefect, ...]:
    sight = judge(clean, noise, piece.unit)
    defects = []
    for name, changes in events:
        for change in changes:
            painted = paint(_on_part(change, piece), seen, sight, piece.unit)
            if painted is not None:
                defects.append(_as_defect(name, painted, piece.shape))
    return tuple(defects)


def _on_part(change: Change, piece: Workpiece) -> Change:
    """Cut the extent of a change to the part."""
    if piece.part is None:
        return change
    return replace(change, extent=change.extent & (piece.part[change.box.slices] > 0.5))


def _as_defect(name: str, painted: Painted, shape: tuple[int, int]) -> SceneDefect:
    mask = np.zeros(shape, dtype=np.bool_)
    mask[painted.box.slices] = painted.region
    return SceneDefect(name, mask, round(painted.contrast_to_noise, 3), round(painted.width_px, 2))
