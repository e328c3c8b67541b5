"""Clean pieces of metal: finish, light and outline, chosen by chance."""

import numpy as np

from blemish.damage.geometry import whole
from blemish.damage.noise import Field, choose, slow
from blemish.damage.surfaces import SURFACES, Surface
from blemish.damage.workpiece import Workpiece
from blemish.synthesis.outlines import cut_out

_OUTLINED_SHARE = 0.42  # of parts that end inside the image
_BAR_SHARE = 0.2  # of those that are bars or shafts


def make_workpiece(rng: np.random.Generator, size: int, surface: str) -> Workpiece:
    """Make a clean piece of metal.

    Args:
        rng: Chooses everything else.
        size: Side of the image, px.
        surface: A key of :data:`blemish.damage.surfaces.SURFACES`.
    """
    shape = (size, size)
    unit = choose(rng, 0.55, 2.2) * (size / 256) ** 0.5
    straight = rng.random() < 0.7
    lay = (
        float(rng.integers(2) * np.pi / 2 + rng.normal(0, 0.03))
        if straight
        else float(rng.uniform(0, np.pi))
    )
    light = float(rng.uniform(0, 2 * np.pi))
    kind = SURFACES[surface]
    contrast = choose(rng, *kind.contrast)
    marks = _varied(rng, kind, shape, unit, lay=lay, light=light)
    reflectance = np.maximum(1 + np.float32(contrast) * marks, np.float32(0.05))
    lighting = _lighting(rng, shape, lay)
    piece = Workpiece(reflectance, lighting, None, (), surface, lay, light, unit, contrast)
    if rng.random() < _OUTLINED_SHARE:
        cut_out(rng, piece, bar=bool(rng.random() < _BAR_SHARE))
    return piece


def _varied(
    rng: np.random.Generator,
    kind: Surface,
    shape: tuple[int, int],
    unit: float,
    *,
    lay: float,
    light: float,
) -> Field:
    """Return the marks of a process that differ from place to place, without any border."""
    marks = kind.draw(rng, shape, unit, lay, light)
    if rng.random() < 0.5:  # the tool was held differently here and there
        other = kind.draw(rng, shape, unit * choose(rng, 0.7, 1.4), lay, light)
        wave = slow(rng, shape, rng.uniform(1, 5))
        share = np.float32(0.5) + np.float32(rng.uniform(0.2, 0.5)) * wave
        other *= np.float32(choose(rng, 0.6, 1.6))
        marks = marks * np.sqrt(share) + other * np.sqrt(1 - share)
    if rng.random() < 0.7:  # worn or turned away from the light in places
        marks *= 1 + np.float32(rng.uniform(0.2, 0.9)) * slow(rng, shape, rng.uniform(1, 6))
    return marks


def _lighting(rng: np.random.Generator, shape: tuple[int, int], lay: float) -> Field:
    """Uneven light: a slope, clouds, the lens's fall-off, a bright or dark band along the lay."""
    light = np.ones(shape, dtype=np.float32)
    x, y = whole(shape).grid((shape[1] / 2, shape[0] / 2), float(rng.uniform(0, 2 * np.pi)))
    side = np.float32(max(shape))
    light += np.float32(rng.uniform(0, 0.5) ** 1.5) * (x / side)
    if rng.random() < 0.75:
        light += np.float32(rng.uniform(0.05, 0.5)) * slow(rng, shape, rng.uniform(0.7, 3.5))
    if rng.random() < 0.35:
        light -= np.float32(rng.uniform(0.1, 0.7)) * ((x * x + y * y) / (side * side))
    for _ in range(int(rng.integers(0, 3)) if rng.random() < 0.45 else 0):
        _, across = whole(shape).grid((0.0, 0.0), lay if rng.random() < 0.8 else lay + np.pi / 2)
        span = float(across.max() - across.min())
        centre = float(across.min()) + span * rng.uniform(-0.1, 1.1)
        width = span * choose(rng, 0.04, 0.5)
        band = np.exp(-0.5 * ((across - np.float32(centre)) / np.float32(width)) ** 2)
        light += np.float32(rng.uniform(-0.4, 0.9)) * band
    return np.maximum(light, np.float32(0.08))
