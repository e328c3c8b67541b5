"""Defects on one photograph, which gives the workpiece, its light and the camera at once."""

from dataclasses import dataclass

import numpy as np

from blemish.arrays import Mask, Plane
from blemish.config.drawing import Drawing
from blemish.damage.events import (
    DefectEvent,
    DrawnDefect,
    apply_events,
    draw_events,
    paint_events,
    pick,
)
from blemish.damage.noise import Field, as_field, blur, grain
from blemish.damage.opencv_threads import one_opencv_thread
from blemish.photographs import foreign_finish
from blemish.photographs.photographed import Photographed, photographed

_ATTEMPTS = 4
_LEAST_SIDE = 12  # px; on less no defect has room
_JITTER = (0.8, 1.25)  # of the sharpness found: defects lie deeper and higher than the skin
_GRAIN_BLUR = 0.35  # px; a sensor's noise after demosaicing and compression


@dataclass(frozen=True)
class Drawn:
    """A photograph with defects drawn onto it.

    Attributes:
        image: Shape ``(H, W)``, uint8; outside the defects the photograph as it was.
        defects: Those that show; empty where none of several attempts did.
    """

    image: Plane
    defects: tuple[DrawnDefect, ...]


def draw_on(
    image: Plane,
    part: Mask | None,
    donor: Plane,
    drawing: Drawing,
    sequence: np.random.SeedSequence,
) -> Drawn:
    """Draw defects onto a photograph.

    Args:
        image: Shape ``(H, W)``, uint8, of a defect-free part.
        part: Where the part is, same shape; None where it fills the image.
        donor: A window of another photograph, whose finish may replace that of this one.
        drawing: What to draw.
        sequence: Where all chance comes from; the same arguments give the same bytes.
    """
    if min(image.shape) < _LEAST_SIDE:
        return Drawn(image, ())
    with one_opencv_thread():
        for child in sequence.spawn(_ATTEMPTS):
            rng = np.random.default_rng(child)
            drawn = _attempt(rng, photographed(rng, image, part), donor, drawing)
            if drawn.defects:
                break
    return drawn


def _attempt(rng: np.random.Generator, shot: Photographed, donor: Plane, drawing: Drawing) -> Drawn:
    drawn, foreign = _events(rng, shot, donor, drawing)
    change = _drawn_change(rng, shot, drawn) + _foreign_change(shot, foreign)
    seen = as_field(np.clip(shot.plane + change, 0, 255))
    silent = np.zeros_like(shot.plane)  # the noise of the camera is in the photograph
    defects = paint_events([*drawn, *foreign], seen, shot.plane, silent, shot.piece)
    return Drawn(np.rint(seen).astype(np.uint8), defects)


def _events(
    rng: np.random.Generator, shot: Photographed, donor: Plane, drawing: Drawing
) -> tuple[list[DefectEvent], list[DefectEvent]]:
    """Choose the events of a photograph: those that are drawn, and those of foreign finish."""
    weights = drawing.defects.model_dump()
    count = 1 + int(rng.poisson(drawing.defects_per_image - 1))
    names = [pick(rng, weights) for _ in range(count)]
    drawn: list[DefectEvent] = []
    foreign: list[DefectEvent] = []
    for name in names:
        if name == foreign_finish.NAME:
            change = foreign_finish.foreign_finish(rng, shot.piece, donor)
            foreign.append((name, [change.on_part(shot.piece)]))
        else:
            drawn += draw_events(rng, {name: 1.0}, shot.piece, count=1, contrast=drawing.contrast)
    return drawn, foreign


def _drawn_change(rng: np.random.Generator, shot: Photographed, events: list[DefectEvent]) -> Field:
    """Return what drawn events change, in grey levels, as sharp as the photograph is."""
    bare = shot.piece.reflectance
    change = apply_events(shot.piece, events) - bare
    texture = np.float32(
        rng.uniform(0, 1)
    )  # a stain lets the texture through, a deep hole hides it
    change *= 1 - texture + texture * np.clip(bare, 0.3, 1.7)
    change = blur(as_field(change), shot.sharpness * float(rng.uniform(*_JITTER)))
    change *= shot.piece.lighting
    for _, changes in events:
        for own in changes:
            if own.finish:  # a finish without its noise would be the only smooth place
                cover = blur(own.extent.astype(np.float32), 1.0)
                noise = blur(grain(rng, own.box.shape), _GRAIN_BLUR)
                change[own.box.slices] += np.float32(shot.noise) * noise * cover
    return as_field(change)


def _foreign_change(shot: Photographed, events: list[DefectEvent]) -> Field:
    """Return what foreign finish changes, in grey levels; a lens has blurred it already."""
    change = np.zeros_like(shot.plane)
    for _, changes in events:
        for own in changes:
            change[own.box.slices] += own.delta * shot.piece.lighting[own.box.slices]
    return change
