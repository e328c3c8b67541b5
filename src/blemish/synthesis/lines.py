"""Scratches and cracks: what is long and thin."""

import cv2
import numpy as np
from numpy.typing import NDArray

from blemish.synthesis.change import Change, Region, heading, place, place_at_border
from blemish.synthesis.geometry import Window, wander, window
from blemish.synthesis.noise import Field, as_field, blur, choose
from blemish.synthesis.workpiece import Workpiece

_THINNEST = 0.5  # deviation of a hairline across, px
_LEAST_ASPECT = 14.0  # of a scratch, its length over the deviation across
_STEP = 0.5  # px between the samples of a scratch's course
_SHIFT = 4  # fractional bits of the coordinates that OpenCV draws with


def scratch(rng: np.random.Generator, piece: Workpiece) -> list[Change]:
    """Draw a scratch, or the parallel family that one object dragged over the part leaves."""
    side = piece.side
    angle = heading(rng, piece, 0.45)
    length = min(choose(rng, 10, 500) * piece.unit, 2.2 * side)
    sigma = max(_THINNEST, choose(rng, 0.4, 3.2) * piece.unit**0.7)
    x, y = place(rng, piece)
    profile = str(rng.choice(["dark", "bright", "flanks", "shoulder", "halo"], p=_PROFILE_ODDS))
    family = int(rng.choice([1, 1, 1, 2, 3, 5]))
    length = max(length, _LEAST_ASPECT * sigma)
    changes = []
    for _ in range(family):
        away = rng.normal(0, 12) * piece.unit * (family > 1)
        along = rng.normal(0, 0.2) * length * (family > 1)
        centre = (
            x - np.sin(angle) * away + np.cos(angle) * along,
            y + np.cos(angle) * away + np.sin(angle) * along,
        )
        turn = angle + rng.normal(0, 0.03) * (family > 1)
        changes.append(
            _one_scratch(
                rng,
                piece,
                centre,
                angle=turn,
                length=length * float(rng.uniform(0.4, 1.2)),
                sigma=sigma * float(rng.uniform(0.7, 1.3)),
                profile=profile,
            )
        )
    return changes


_PROFILE_ODDS = (0.36, 0.28, 0.12, 0.14, 0.10)


def _one_scratch(
    rng: np.random.Generator,
    piece: Workpiece,
    centre: tuple[float, float],
    *,
    angle: float,
    length: float,
    sigma: float,
    profile: str,
) -> Change:
    reach = length / 2 + 6 * sigma + 4
    box = _slim_box(piece.shape, centre, angle, reach, 0.1 * length + 8 * sigma + 4)
    along, across = box.grid(centre, angle)
    points = max(8, int(2 * reach / _STEP) + 2)
    bend = wander(rng, points, rng.uniform(0, 4)) * np.float32(
        length * 0.06 * rng.uniform(0, 1) ** 3
    )
    strength, width = _course(rng, points, length, reach, sigma)
    index = np.clip(
        ((along + np.float32(reach)) / np.float32(_STEP)).astype(np.int32), 0, points - 1
    )
    offset = (across - bend[index]) / (np.float32(sigma) * width[index])
    here = strength[index]
    reach_across = {"dark": 1.6, "bright": 1.6, "flanks": 2.4, "shoulder": 2.6, "halo": 2.2}[
        profile
    ]
    extent = (np.abs(offset) < np.float32(reach_across)) & (here > np.float32(0.12))
    return Change(box, _profile(offset, profile) * here, extent, thin=True)


def _slim_box(
    shape: tuple[int, int], centre: tuple[float, float], angle: float, along: float, across: float
) -> Window:
    """Return the box around a long rectangle, cut at the borders of the image."""
    half_x = abs(np.cos(angle)) * along + abs(np.sin(angle)) * across
    half_y = abs(np.sin(angle)) * along + abs(np.cos(angle)) * across
    wide = window(shape, centre, float(half_x))
    tall = window(shape, centre, float(half_y))
    return Window(tall.top, wide.left, tall.height, wide.width)


def _course(
    rng: np.random.Generator, points: int, length: float, reach: float, sigma: float
) -> tuple[Field, Field]:
    """Return strength and relative width along a scratch: tapered, pressed unevenly, broken."""
    position = (np.arange(points, dtype=np.float32) * np.float32(_STEP) - np.float32(reach)) / (
        np.float32(length / 2)
    )
    bluntest = min(max(0.05, 6 * sigma / length), 1.0)  # a tool leaves no square ends
    blunt = np.float32(choose(rng, bluntest, 1.0))
    other = np.float32(choose(rng, bluntest, 1.0))
    strength = np.clip((1 - position) / blunt, 0, 1) * np.clip((1 + position) / other, 0, 1)
    strength *= 1 + np.float32(rng.uniform(0, 0.6)) * wander(rng, points, rng.uniform(2, 14))
    if rng.random() < 0.3:
        waves = rng.uniform(3, 20)
        contact = wander(rng, points, waves) + np.float32(rng.uniform(-0.1, 0.6))
        steep = min(6.0, length / (waves * 3 * sigma))
        strength *= np.clip(contact * np.float32(steep), 0, 1)
    width = 0.55 + 0.45 * np.sqrt(np.clip(strength, 0, 1))
    return np.maximum(strength, 0), width.astype(np.float32)


def _profile(offset: Field, profile: str) -> Field:
    """Return the brightness across a scratch, in units of its half width."""
    core = np.exp(-0.5 * offset * offset)
    if profile == "bright":
        return as_field(core)
    if profile == "flanks":  # one flank faces the light, the other turns away
        return as_field(1.6 * offset * core)
    if profile == "shoulder":  # a dark groove with the metal thrown up beside it
        return as_field(np.exp(-0.5 * (offset - 2) ** 2) * 0.8 - core)
    if profile == "halo":  # a groove between rounded lips
        return as_field(0.35 * np.exp(-0.5 * (offset / 3) ** 2) - 1.2 * core)
    return as_field(-core)


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
    extent: Region = drawn > np.float32(0.25)
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
