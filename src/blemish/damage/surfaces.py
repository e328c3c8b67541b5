"""Metal as it is made: each surface is the relief and stain that its process leaves.

Every function returns a field of unit deviation that modulates the brightness; the table at the
end says how strongly a process does so, from barely (polished) to boldly (cast).
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from blemish.damage.geometry import table, wander, whole
from blemish.damage.noise import Field, as_field, blur, choose, grain, sample, slow, standardize

_THREADS = 0.4  # of straight turned marks that are as coarse as a thread

Draw = Callable[[np.random.Generator, tuple[int, int], float, float, float], Field]
"""``(rng, shape, unit, lay, light) -> field``: unit in px, lay and light in radians."""


@dataclass(frozen=True)
class Surface:
    """How a process marks metal.

    Attributes:
        draw: The field of its marks.
        contrast: Range of their strength, as a part of the mean brightness.
        directed: Whether its marks have a direction.
    """

    draw: Draw
    contrast: tuple[float, float]
    directed: bool


def shade(height: Field, light: float) -> Field:
    """Return the slope of a relief towards the light, which is how matt metal shows it."""
    along_x = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3)
    along_y = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3)
    return as_field(along_x * np.cos(light) + along_y * np.sin(light))


def _streaks(
    rng: np.random.Generator, shape: tuple[int, int], unit: float, lay: float, *, length: float
) -> Field:
    """Lines along the lay: a fine and a coarse population, brighter ones standing out."""
    fine = sample(rng, shape, 0.0, length * unit, max(0.8, 0.8 * unit), angle=lay)
    coarse = sample(rng, shape, 0.5, 4 * length * unit, choose(rng, 1.5, 4) * unit, angle=lay)
    mixed = fine * np.float32(rng.uniform(0.4, 1)) + coarse * np.float32(rng.uniform(0.4, 1))
    skew = np.float32(rng.uniform(-0.15, 0.8))
    lines = standardize(np.exp(skew * standardize(mixed))) if abs(skew) > 0.05 else mixed
    if rng.random() < 0.5:  # a line glints only where its facets happen to face the lamp
        bead = sample(
            rng, shape, 0.0, choose(rng, 1, 3) * max(unit, 0.7), max(0.7, unit), angle=lay
        )
        lines = (lines + 1) * (1 + np.float32(rng.uniform(0.2, 0.9)) * bead)
    return standardize(lines)


def rolled(
    rng: np.random.Generator, shape: tuple[int, int], unit: float, lay: float, light: float
) -> Field:
    """Strip: roll grain, weak streaks along the strip, slow mottle of the oxide."""
    del light
    field = grain(rng, shape) * np.float32(rng.uniform(0.2, 1))
    field = blur(field, choose(rng, 0.4, 1.2) * min(unit, 1.5))
    field = standardize(field)
    streak = sample(
        rng, shape, 0.5, choose(rng, 4, 30) * unit, choose(rng, 0.8, 3) * unit, angle=lay
    )
    field += np.float32(rng.uniform(0, 0.9)) * streak
    mottle = sample(rng, shape, rng.choice([1.0, 1.5]), choose(rng, 0.3, 1.5) * unit)
    return standardize(field + np.float32(rng.uniform(0, 0.9)) * mottle)


def ground(
    rng: np.random.Generator, shape: tuple[int, int], unit: float, lay: float, light: float
) -> Field:
    """Ground or brushed: long streaks, bands of the wheel, often a weak chatter across."""
    del light
    field = _streaks(rng, shape, unit, lay, length=choose(rng, 8, 120))
    if rng.random() < 0.5:
        band = sample(rng, shape, 1.0, 200 * unit, choose(rng, 0.5, 2.5) * unit, angle=lay)
        field += np.float32(rng.uniform(0.3, 1.2)) * band
    if rng.random() < 0.35:
        field += np.float32(rng.uniform(0.1, 0.5)) * _chatter(rng, shape, unit, lay)
    field += np.float32(rng.uniform(0, 0.5)) * grain(rng, shape)
    return standardize(field)


def _chatter(rng: np.random.Generator, shape: tuple[int, int], unit: float, lay: float) -> Field:
    """Faint ripple across the lay, coming and going over the part."""
    along, _ = whole(shape).grid((0.0, 0.0), lay)
    ripple = np.sin(along * np.float32(2 * np.pi / max(3.0, choose(rng, 4, 14) * unit)))
    return as_field(ripple * np.clip(slow(rng, shape, 3) + np.float32(0.2), 0, 1))


def milled(
    rng: np.random.Generator, shape: tuple[int, int], unit: float, lay: float, light: float
) -> Field:
    """Face milled: arcs of the cutter at the feed's pitch, crossed by those of its way back."""
    del light
    field = _arcs(rng, shape, unit, lay)
    if rng.random() < 0.4:
        field += np.float32(rng.uniform(0.3, 0.9)) * _arcs(rng, shape, unit, lay + np.pi)
    field = standardize(field) + np.float32(rng.uniform(0.1, 0.6)) * grain(rng, shape)
    field += np.float32(rng.uniform(0, 0.5)) * sample(rng, shape, 1.0, unit)
    return standardize(field)


def _arcs(rng: np.random.Generator, shape: tuple[int, int], unit: float, lay: float) -> Field:
    side = max(shape)
    radius = choose(rng, 0.6, 5) * side
    middle = (
        shape[1] / 2 + radius * np.sin(lay) + rng.uniform(-0.2, 0.2) * side,
        shape[0] / 2 - radius * np.cos(lay) + rng.uniform(-0.2, 0.2) * side,
    )
    x, y = whole(shape).grid(middle)
    return _grooves(rng, np.sqrt(x * x + y * y), unit, float(radius))


def _grooves(rng: np.random.Generator, distance: Field, unit: float, offset: float) -> Field:
    """Grooves over a distance, px: one pitch, each cut a little different from its neighbour."""
    pitch = max(2.5, choose(rng, 3, 20) * unit)
    low = float(distance.min())
    span = float(distance.max()) - low + pitch
    step = 0.25
    points = int(span / step) + 2
    position = np.arange(points, dtype=np.float32) * np.float32(step) + np.float32(low - offset)
    jitter = wander(rng, points, span / pitch) * np.float32(rng.uniform(0, 0.25))
    phase = position / np.float32(pitch) + jitter
    sharp = rng.uniform(0.3, 3)
    wave = np.abs(np.sin(phase * np.float32(np.pi))) ** np.float32(sharp)
    each = rng.normal(0, rng.uniform(0.05, 0.6), int(span / pitch) + 4).astype(np.float32)
    number = np.floor(phase).astype(np.int32)
    profile = wave + each[(number - number.min()) % len(each)]
    return standardize(table(profile, distance, low, step))


def turned(
    rng: np.random.Generator, shape: tuple[int, int], unit: float, lay: float, light: float
) -> Field:
    """Turned: rings of the feed on a face, or straight marks along a shaft."""
    del light
    pitch = float(rng.uniform(0.5, 1))
    if rng.random() < 0.5:
        middle = (rng.uniform(-0.3, 1.3) * shape[1], rng.uniform(-0.3, 1.3) * shape[0])
        x, y = whole(shape).grid(middle)
        distance = np.sqrt(x * x + y * y)
    else:
        _, distance = whole(shape).grid((0.0, 0.0), lay)
        if rng.random() < _THREADS:
            pitch = choose(rng, 1, 4)
    field = _grooves(rng, distance, unit * pitch, 0.0)
    rough = sample(rng, shape, 0.5, 6 * unit, unit, angle=lay)
    field += np.float32(rng.uniform(0.1, 0.8)) * rough
    return standardize(field + np.float32(rng.uniform(0.1, 0.5)) * grain(rng, shape))


def cast(
    rng: np.random.Generator, shape: tuple[int, int], unit: float, lay: float, light: float
) -> Field:
    """Cast: the relief of sand or die under slanting light, and its slow stains."""
    del lay
    relief = sample(rng, shape, 1.5, choose(rng, 0.15, 0.8) * max(unit, 0.6))
    field = standardize(shade(relief, light))
    bump = sample(rng, shape, 0.0, choose(rng, 1.5, 4) * max(unit, 0.7))
    field += np.float32(rng.uniform(0.2, 0.9)) * standardize(shade(bump, light))
    stain = sample(rng, shape, 1.5, unit)
    return standardize(field + np.float32(rng.uniform(0, 0.7)) * stain)


def blasted(
    rng: np.random.Generator, shape: tuple[int, int], unit: float, lay: float, light: float
) -> Field:
    """Blasted: craters of the shot, side by side, with glints."""
    del lay
    size = max(0.9, choose(rng, 0.7, 2.2) * unit)
    relief = blur(sample(rng, shape, 0.0, size), 0.5 * size)
    field = standardize(shade(relief, light)) + np.float32(rng.uniform(0, 0.7)) * grain(rng, shape)
    field = standardize(field)
    return standardize(np.exp(np.float32(rng.uniform(0, 0.5)) * field))


def oxidised(
    rng: np.random.Generator, shape: tuple[int, int], unit: float, lay: float, light: float
) -> Field:
    """Oxidised or scaled all over: fractal mottle, drawn out along the strip, fine specks."""
    del light
    stretch = choose(rng, 1, 4)
    size = choose(rng, 0.3, 1.2) * unit
    mottle = sample(rng, shape, rng.choice([0.5, 1.0]), size * stretch, size, angle=lay)
    plates = np.tanh(np.float32(rng.uniform(0.5, 1.6)) * mottle)
    speck = blur(grain(rng, shape), rng.uniform(0.5, 1.0) * min(max(unit, 0.5), 2))
    return standardize(plates + np.float32(rng.uniform(0.3, 1.3)) * standardize(speck))


def painted(
    rng: np.random.Generator, shape: tuple[int, int], unit: float, lay: float, light: float
) -> Field:
    """Painted or plated: the orange peel of a flowing coat, almost no grain."""
    del lay
    size = choose(rng, 2, 7) * unit
    peel = blur(sample(rng, shape, 0.0, size), 0.3 * size)
    field = standardize(shade(peel, light)) + np.float32(rng.uniform(0.1, 0.5)) * grain(rng, shape)
    return standardize(field + np.float32(rng.uniform(0, 0.6)) * slow(rng, shape, 4))


SURFACES: dict[str, Surface] = {
    "rolled": Surface(rolled, (0.012, 0.09), directed=True),
    "ground": Surface(ground, (0.03, 0.22), directed=True),
    "milled": Surface(milled, (0.03, 0.22), directed=True),
    "turned": Surface(turned, (0.03, 0.3), directed=True),
    "cast": Surface(cast, (0.03, 0.18), directed=False),
    "blasted": Surface(blasted, (0.03, 0.2), directed=False),
    "oxidised": Surface(oxidised, (0.02, 0.14), directed=True),
    "painted": Surface(painted, (0.006, 0.05), directed=False),
}
