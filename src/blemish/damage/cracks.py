"""Cracks: dark jagged lines that fork."""

import cv2
import numpy as np
from numpy.typing import NDArray

from blemish.damage.change import Change, heading, place, place_at_border
from blemish.damage.geometry import Window, wander
from blemish.damage.noise import Field, as_field, blur, choose
from blemish.damage.workpiece import Workpiece

_SHIFT = 4  # fractional bits of the coordinates that OpenCV draws with


def crack(rng: np.random.Generator, piece: Workpiece) -> list[Change]:
    """Draw a crack: a dark jagged line that forks, often grown from an edge."""
    shape = piece.shape
    length = min(choose(rng, 12, 220) * piece.unit, 1.2 * piece.side)
    width = max(1.0, choose(rng, 0.9, 4.5) * piece.unit**0.7)
    if rng.random() < 0.5:
        start, angle = place_at_border(rng, piece)
        angle += float(rng.normal(0, 0.35))
    else:
        start, angle = place(rng, piece), heading(rng, piece, 0.3)
    canvas = np.zeros(shape, dtype=np.uint8)
    step = max(2.0, choose(rng, 2.5, 9) * piece.unit)
    rough = float(rng.uniform(0.08, 0.5))
    trunk = _walk(rng, start, angle, length=length, step=step, rough=rough)
    _draw(canvas, trunk, width, rng)
    for _ in range(int(rng.choice([0, 0, 1, 2, 3]))):
        root = trunk[int(rng.integers(len(trunk)))]
        turn = angle + float(rng.choice([-1, 1]) * rng.uniform(0.3, 1.2))
        shorter = length * float(rng.uniform(0.15, 0.5))
        branch = _walk(rng, (root[0], root[1]), turn, length=shorter, step=step, rough=rough)
        _draw(canvas, branch, 0.7 * width, rng)
    x, y, box_width, box_height = cv2.boundingRect(canvas)
    if box_width == 0:
        return []
    box = _padded(shape, (x, y, box_width, box_height), 4)
    drawn = canvas[box.slices].astype(np.float32) * np.float32(1 / 255)
    return [_as_crack(rng, piece, box, drawn)]


def _as_crack(rng: np.random.Generator, piece: Workpiece, box: Window, drawn: Field) -> Change:
    delta = -blur(drawn, rng.uniform(0.3, 0.9))
    if rng.random() < 0.35:  # a raised lip on the lit side
        shift = np.roll(
            drawn, (round(np.sin(piece.light) * 2), round(np.cos(piece.light) * 2)), (0, 1)
        )
        delta += np.float32(rng.uniform(0.2, 0.6)) * blur(np.maximum(shift - drawn, 0), 0.8)
    extent = np.asarray(drawn > np.float32(0.25))
    return Change(box, delta, extent, thin=True)


def _walk(
    rng: np.random.Generator,
    start: tuple[float, float],
    angle: float,
    *,
    length: float,
    step: float,
    rough: float,
) -> Field:
    """Return the points ``(N, 2)`` of a walk that keeps its direction more or less."""
    count = max(2, int(length / step))
    drift = np.cumsum(rng.normal(0, rough * 0.3, count))
    turns = angle + drift + rng.normal(0, rough, count)
    steps = np.stack([np.cos(turns), np.sin(turns)], axis=1) * step
    path = np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)]) + np.asarray(start)
    return as_field(path)


def _draw(canvas: NDArray[np.uint8], path: Field, width: float, rng: np.random.Generator) -> None:
    """Draw a walk that narrows to its tip and swells here and there."""
    fixed = np.round(path * (1 << _SHIFT)).astype(np.int32)
    count = len(path) - 1
    swell = 1 + 0.4 * wander(rng, count, count / 5)
    for number in range(count):
        taper = 1 - 0.7 * (number / count)
        thickness = max(1, round(float(width * taper * swell[number])))
        begin, end = fixed[number], fixed[number + 1]
        cv2.line(canvas, begin.tolist(), end.tolist(), 255, thickness, cv2.LINE_AA, _SHIFT)


def _padded(shape: tuple[int, int], rectangle: tuple[int, int, int, int], pad: int) -> Window:
    x, y, width, height = rectangle
    top, left = max(0, y - pad), max(0, x - pad)
    bottom, right = min(shape[0], y + height + pad), min(shape[1], x + width + pad)
    return Window(top, left, bottom - top, right - left)
