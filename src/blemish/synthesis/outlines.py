"""Outlines of parts: sides cut away, bars and threads, holes, and what lies beside them."""

import numpy as np

from blemish.damage.geometry import smoothstep, wander, whole
from blemish.damage.noise import Field, blur, choose, grain, slow
from blemish.damage.workpiece import PartEdge, Workpiece

_THREADED = 0.5  # of bars whose flanks carry a thread


def cut_out(rng: np.random.Generator, piece: Workpiece, *, bar: bool) -> None:
    """Give a part its outline, in place; bevels shine or lie in shadow.

    Args:
        rng: Chooses it.
        piece: Fills the image so far.
        bar: A bar with both flanks in the image, else a part cut along some sides or pierced.
    """
    part, relief = (np.ones(piece.shape, dtype=np.float32) for _ in range(2))
    tilt = float(rng.normal(0, 0.04)) if rng.random() < 0.8 else float(rng.uniform(-0.6, 0.6))
    if bar:
        first, width = int(rng.integers(2)), choose(rng, 0.12, 0.55)
        near = float(rng.uniform(0.05, 0.95 - width))
        insets = {first: near, first + 2: 1 - near - width}
        tooth = choose(rng, 3, 12) * piece.unit if rng.random() < _THREADED else 0.0
    else:
        sides = rng.permutation(4)[: int(rng.choice([1, 1, 2, 2, 3]))]
        insets = {int(side): _inset(rng) for side in sides}
        tooth = 0.0
    piece.edges = tuple(
        _cut(rng, piece, side=side, inset=inset, tilt=tilt, tooth=tooth, outline=(part, relief))
        for side, inset in insets.items()
    )
    if not bar and rng.random() < 0.12:
        _pierce(rng, piece.shape, piece.unit, part, relief)
    piece.part = part
    piece.extent = float(np.sqrt(part.sum())) if bar else None
    piece.reflectance *= relief
    piece.background = _background(rng, piece.shape, plain=bar and bool(rng.random() < 0.7))


def _inset(rng: np.random.Generator) -> float:
    """Choose how far from the border of the image a side is cut, as a part of the image's side."""
    return float(rng.uniform(0, 0.22) if rng.random() < 0.6 else rng.uniform(0, 0.03))


def _cut(
    rng: np.random.Generator,
    piece: Workpiece,
    *,
    side: int,
    inset: float,
    tilt: float,
    tooth: float,
    outline: tuple[Field, Field],
) -> PartEdge:
    """Cut one side of the part away and bevel it; ``outline``, part and relief, is changed.

    Args:
        rng: Chooses bevels and bends.
        piece: The workpiece.
        side: 0 top, 1 right, 2 bottom, 3 left.
        inset: How far from the border, as a part of the image's side.
        tilt: Radians.
        tooth: Pitch of a thread along the edge, px; 0 for none.
        outline: Part and relief.
    """
    part, relief = outline
    shape, unit = piece.shape, piece.unit
    height, width = shape
    inset *= max(shape)
    point, angle = {
        0: ((width / 2, inset), 0.0),
        1: ((width - inset, height / 2), np.pi / 2),
        2: ((width / 2, height - inset), np.pi),
        3: ((inset, height / 2), -np.pi / 2),
    }[side]
    angle = float(angle + tilt)
    along, inward = whole(shape).grid(point, angle)
    bend = wander(rng, 64, rng.uniform(0, 4)) * np.float32(rng.uniform(0, 3) * unit)
    inward = inward - bend[np.clip((along / max(shape) * 32 + 32).astype(np.int32), 0, 63)]
    if tooth:
        saw = np.abs(2 * np.mod(along / np.float32(tooth), 1) - 1)
        inward = inward - np.float32(rng.uniform(0.3, 0.8) * tooth) * saw
    part *= np.clip(inward + np.float32(0.5), 0, 1)
    _bevel(rng, inward, unit, relief)
    return PartEdge(point, angle)


def _bevel(rng: np.random.Generator, inward: Field, unit: float, relief: Field) -> None:
    """Bevel an edge in place, by the distance of each pixel from it."""
    for _ in range(int(rng.integers(0, 3))):  # chamfer, burr, rounded shoulder
        start = rng.uniform(0, 14) * unit
        reach = choose(rng, 2.5, 16) * unit
        rise = smoothstep((inward - np.float32(start)) / np.float32(0.3 * reach + 1))
        fall = smoothstep((inward - np.float32(start + reach)) / np.float32(0.5 * reach + 1))
        relief *= 1 + np.float32(rng.uniform(-0.6, 1.0)) * (rise - fall)
    if rng.random() < 0.5:  # a rounded flank turns away from the lamp, or towards it
        flank = np.exp(-np.maximum(inward, 0) / np.float32(choose(rng, 6, 50) * unit))
        relief *= 1 + np.float32(rng.uniform(-0.7, 0.5)) * flank


def _pierce(
    rng: np.random.Generator, shape: tuple[int, int], unit: float, part: Field, relief: Field
) -> None:
    """Drill a hole with a countersink; ``part`` and ``relief`` are changed."""
    radius = min(choose(rng, 6, 40) * unit, 0.3 * max(shape))
    x, y = whole(shape).grid((rng.uniform(0, shape[1]), rng.uniform(0, shape[0])))
    outward = np.sqrt(x * x + y * y) - np.float32(radius)
    part *= np.clip(outward + np.float32(0.5), 0, 1)
    sink = np.exp(-np.maximum(outward, 0) / np.float32(choose(rng, 1, 6) * unit))
    relief *= 1 + np.float32(rng.uniform(-0.5, 0.8)) * sink


def _background(rng: np.random.Generator, shape: tuple[int, int], *, plain: bool) -> Field:
    """Return the light from beside the part.

    Args:
        rng: Chooses it.
        shape: ``(H, W)``.
        plain: A smooth table of any brightness, which only a bar may lie on: beside a part that is
            cut along a side, grey would be an area of another finish. Else darkness.
    """
    if plain:
        field = np.full(shape, choose(rng, 0.1, 1.6), dtype=np.float32)
        field *= 1 + np.float32(rng.uniform(0, 0.3)) * slow(rng, shape, rng.uniform(0.7, 2))
        return field * (1 + np.float32(rng.uniform(0, 0.02)) * grain(rng, shape))
    field = np.full(shape, rng.uniform(0, 0.12), dtype=np.float32)
    if rng.random() < 0.4:
        field *= 1 + np.float32(0.4) * slow(rng, shape, rng.uniform(1, 6))
    if rng.random() < 0.3:
        field *= 1 + np.float32(0.15) * blur(grain(rng, shape), 1.0)
    return field
