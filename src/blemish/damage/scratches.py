"""Scratches: single, in families, across the whole image, and as wide as a band."""

from dataclasses import dataclass, replace

import numpy as np

from blemish.damage.change import Change, heading, place
from blemish.damage.geometry import Window, wander, window
from blemish.damage.noise import Field, as_field, choose
from blemish.damage.workpiece import Workpiece

_THINNEST = 0.5  # deviation of a hairline across, px
_LEAST_ASPECT = 14.0  # of a scratch, its length over the deviation across
_ACROSS_SHARE = 0.3  # of scratches that run across the whole image
_BAND_SHARE = 0.14  # of scratches that are bands: gouges, folds, rolled-in strips
_BENT = 0.06  # largest departure from a straight line, as a part of the length
_STEP = 0.5  # px between the samples of a scratch's course
_REACH = {"dark": 1.6, "bright": 1.6, "flanks": 2.4, "shoulder": 2.6, "halo": 2.2, "band": 1.15}
"""Half width of what is painted of each profile, in deviations across."""
_ODDS = {"dark": 0.36, "bright": 0.28, "flanks": 0.12, "shoulder": 0.14, "halo": 0.10}


@dataclass(frozen=True)
class _Stroke:
    """One course of a tool over the part.

    Attributes:
        centre: ``(x, y)``, px.
        angle: Radians.
        length: px; with ``endless`` beyond every border of the image.
        sigma: Deviation of the brightness across, px; half the width of a band.
        profile: A key of ``_REACH``.
        sign: Of a band: -1 dark, 1 bright.
        endless: Whether its ends lie outside the image.
    """

    centre: tuple[float, float]
    angle: float
    length: float
    sigma: float
    profile: str
    sign: float
    endless: bool


def scratch(rng: np.random.Generator, piece: Workpiece) -> list[Change]:
    """Draw a scratch, or the parallel family that one object dragged over the part leaves."""
    stroke = _first_stroke(rng, piece)
    family = int(rng.choice([1, 1, 1, 2, 3, 5]))
    if family == 1:
        return [_draw(rng, piece, stroke)]
    spread = choose(rng, 8, 60) * piece.unit
    return [_draw(rng, piece, _parallel(rng, stroke, spread)) for _ in range(family)]


def _first_stroke(rng: np.random.Generator, piece: Workpiece) -> _Stroke:
    band = bool(rng.random() < _BAND_SHARE)
    endless = bool(rng.random() < _ACROSS_SHARE)
    angle = heading(rng, piece, 0.6 if endless else 0.45)
    if endless and rng.random() < 0.3:  # along or across the strip
        angle = float(rng.integers(2) * np.pi / 2 + rng.normal(0, 0.04))
    if band:
        sigma = min(choose(rng, 3, 16) * piece.unit**0.7, 0.12 * piece.side)
    else:
        sigma = max(_THINNEST, choose(rng, 0.4, 3.2) * piece.unit**0.7)
    length = min(choose(rng, 10, 500) * piece.unit, 2.2 * piece.side)
    return _Stroke(
        centre=place(rng, piece),
        angle=angle,
        length=3.0 * max(piece.shape) if endless else max(length, _LEAST_ASPECT * sigma),
        sigma=sigma,
        profile="band" if band else str(rng.choice(list(_ODDS), p=list(_ODDS.values()))),
        sign=float(rng.choice([-1.0, 1.0])),
        endless=endless,
    )


def _parallel(rng: np.random.Generator, stroke: _Stroke, spread: float) -> _Stroke:
    """Return another course of the same tool, somewhere beside the first."""
    away, along = rng.normal(0, spread), rng.normal(0, 0.2) * stroke.length
    if stroke.endless:
        along = 0.0
    sin, cos = np.sin(stroke.angle), np.cos(stroke.angle)
    return replace(
        stroke,
        centre=(
            float(stroke.centre[0] - sin * away + cos * along),
            float(stroke.centre[1] + cos * away + sin * along),
        ),
        angle=stroke.angle + float(rng.normal(0, 0.03)),
        length=stroke.length * (1.0 if stroke.endless else float(rng.uniform(0.4, 1.2))),
        sigma=stroke.sigma * float(rng.uniform(0.7, 1.3)),
    )


def _draw(rng: np.random.Generator, piece: Workpiece, stroke: _Stroke) -> Change:
    reach = stroke.length / 2 + 6 * stroke.sigma + 4
    bent = stroke.length * _BENT * float(rng.uniform(0, 1) ** (6 if stroke.endless else 3))
    box = _slim_box(piece.shape, stroke, reach, 1.3 * bent + 8 * stroke.sigma + 4)
    along, across = box.grid(stroke.centre, stroke.angle)
    points = max(8, int(2 * reach / _STEP) + 2)
    bend = wander(rng, points, rng.uniform(0, 4)) * np.float32(bent)
    strength, width = _course(rng, points, stroke, reach)
    index = np.clip(
        ((along + np.float32(reach)) / np.float32(_STEP)).astype(np.int32), 0, points - 1
    )
    offset = (across - bend[index]) / (np.float32(stroke.sigma) * width[index])
    here = strength[index]
    extent = (np.abs(offset) < np.float32(_REACH[stroke.profile])) & (here > np.float32(0.12))
    delta = _profile(offset, stroke.profile, stroke.sign, stroke.sigma) * here
    return Change(box, as_field(delta), extent, thin=True)


def _slim_box(shape: tuple[int, int], stroke: _Stroke, along: float, across: float) -> Window:
    """Return the box around a long rectangle, cut at the borders of the image."""
    sin, cos = abs(np.sin(stroke.angle)), abs(np.cos(stroke.angle))
    wide = window(shape, stroke.centre, float(cos * along + sin * across))
    tall = window(shape, stroke.centre, float(sin * along + cos * across))
    return Window(tall.top, wide.left, tall.height, wide.width)


def _course(
    rng: np.random.Generator, points: int, stroke: _Stroke, reach: float
) -> tuple[Field, Field]:
    """Return strength and relative width along a scratch: tapered, pressed unevenly, broken."""
    half, sigma = np.float32(stroke.length / 2), stroke.sigma
    position = (np.arange(points, dtype=np.float32) * np.float32(_STEP) - np.float32(reach)) / half
    bluntest = min(max(0.05, 6 * sigma / stroke.length), 1.0)  # a tool leaves no square ends
    blunt, other = (
        np.float32(bluntest if stroke.endless else choose(rng, bluntest, 1.0)) for _ in range(2)
    )
    strength = np.clip((1 - position) / blunt, 0, 1) * np.clip((1 + position) / other, 0, 1)
    strength *= 1 + np.float32(rng.uniform(0, 0.6)) * wander(rng, points, rng.uniform(2, 14))
    band = stroke.profile == "band"
    if not band and rng.random() < (0.15 if stroke.endless else 0.3):  # contact is lost in places
        waves = rng.uniform(3, 20)
        contact = wander(rng, points, waves) + np.float32(rng.uniform(-0.1, 0.6))
        steep = min(6.0, stroke.length / (waves * 3 * sigma))
        strength *= np.clip(contact * np.float32(steep), 0, 1)
    pressed = np.sqrt(np.clip(strength, 0, 1))
    if band:  # a band ends in a point, as bold as elsewhere
        return np.clip(strength * 4, 0, 1), np.maximum(pressed, np.float32(0.05))
    return np.maximum(strength, 0), np.float32(0.55) + np.float32(0.45) * pressed


def _profile(offset: Field, profile: str, sign: float, sigma: float) -> Field:
    """Return the brightness across a scratch, in units of its half width."""
    core = np.exp(-0.5 * offset * offset)
    if profile == "band":  # flat to its border, which is about a pixel wide
        steep = np.float32(max(sigma, 1.0) * 0.8)
        return as_field(np.float32(sign) * np.clip((1 - np.abs(offset)) * steep + 0.5, 0, 1))
    if profile == "bright":
        return as_field(core)
    if profile == "flanks":  # one flank faces the light, the other turns away
        return as_field(1.6 * offset * core)
    if profile == "shoulder":  # a dark groove with the metal thrown up beside it
        return as_field(np.exp(-0.5 * (offset - 2) ** 2) * 0.8 - core)
    if profile == "halo":  # a groove between rounded lips
        return as_field(0.35 * np.exp(-0.5 * (offset / 3) ** 2) - 1.2 * core)
    return as_field(-core)
