"""Compact defects: pits, blowholes, dents, chips."""

import numpy as np

from blemish.damage.change import Change, heading, limit, place, place_at_border
from blemish.damage.geometry import Window, blob, window
from blemish.damage.noise import Field, as_field, blur, choose, sample, standardize
from blemish.damage.surfaces import shade
from blemish.damage.workpiece import Workpiece


def pit(rng: np.random.Generator, piece: Workpiece) -> list[Change]:
    """Draw small hollows, alone or in a swarm: dark, with a lit wall on the far side."""
    x, y = place(rng, piece)
    count = int(min(24, choose(rng, 1, 24)))
    spread = choose(rng, 6, 50) * piece.unit
    size = choose(rng, 0.9, 4) * piece.unit**0.7
    dark = rng.random() < 0.8
    stretch = choose(rng, 1, 3) if rng.random() < 0.3 else 1.0
    changes = []
    for _ in range(count):
        centre = (x + rng.normal(0, spread), y + rng.normal(0, spread))
        if not (0 <= centre[0] < piece.shape[1] and 0 <= centre[1] < piece.shape[0]):
            continue
        radius = max(0.9, size * choose(rng, 0.6, 1.6))
        box = window(piece.shape, centre, 3 * radius * stretch + 2)
        along, across = box.grid(centre, piece.lay)
        distance = np.sqrt((along / np.float32(stretch)) ** 2 + across**2) / np.float32(radius)
        hollow = np.exp(-0.5 * (distance * 1.3) ** 4)
        toward, _ = box.grid(centre, piece.light)
        wall = toward / np.float32(radius) * np.exp(-0.5 * (distance * 1.1) ** 2)
        delta = hollow * np.float32(-1 if dark else 1) + np.float32(rng.uniform(0, 0.8)) * wall
        changes.append(Change(box, delta, distance < np.float32(1.15), thin=True))
    return changes


def blowhole(rng: np.random.Generator, piece: Workpiece) -> list[Change]:
    """Draw a gas pore broken open: a black mouth of smooth outline with a bright lower lip."""
    radius = limit(choose(rng, 2, 20) * piece.unit, piece, 0.12)
    stretch = choose(rng, 1, 2.4)
    centre = place(rng, piece)
    box = window(piece.shape, centre, 1.7 * radius * stretch + 4)
    angle = heading(rng, piece, 0.3)
    cover = blob(
        rng,
        box,
        centre,
        (radius * stretch, radius),
        angle=angle,
        roughness=rng.uniform(0, 0.3),
        softness=choose(rng, 1, 3.5),
    )
    toward, _ = box.grid(centre, piece.light)
    inside = -1 + np.float32(rng.uniform(0, 0.5)) * toward / np.float32(radius * stretch)
    delta = cover * inside
    if rng.random() < 0.5:
        delta += np.float32(rng.uniform(0.2, 0.8)) * _lip(cover, piece.light, radius)
    if rng.random() < 0.4:
        delta *= 1 + np.float32(0.3) * sample(rng, box.shape, 1.0, max(radius / 30, 0.3))
    return [Change(box, delta, cover > np.float32(0.4), thin=True)]


def _lip(cover: Field, light: float, radius: float) -> Field:
    """Return the part of a border that faces the light, in [0, 1]."""
    slope = shade(blur(cover, max(0.8, 0.12 * radius)), light)
    peak = float(np.abs(slope).max())
    return as_field(np.maximum(-slope, 0) / max(peak, 1e-6))


def dent(rng: np.random.Generator, piece: Workpiece) -> list[Change]:
    """Draw a dent or a bump: no stain, only slopes towards and away from the light."""
    radius = limit(choose(rng, 5, 60) * piece.unit, piece, 0.22)
    stretch = choose(rng, 1, 2.5)
    centre = place(rng, piece)
    box = window(piece.shape, centre, 1.5 * radius * stretch + 4)
    angle = heading(rng, piece, 0.3)
    along, across = box.grid(centre, angle)
    distance = np.sqrt(
        (along / np.float32(radius * stretch)) ** 2 + (across / np.float32(radius)) ** 2
    )
    warp = np.float32(rng.uniform(0, 0.2)) * sample(rng, box.shape, 2.0, max(radius / 30, 0.3))
    rim = np.clip(1 - distance + warp * (distance < 1.5), 0, 1)
    height = rim**2 * (3 - 2 * rim) if rng.random() < 0.6 else np.sqrt(np.clip(rim * 2, 0, 1))
    delta = shade(blur(as_field(height), 0.5 + 0.06 * radius), piece.light)
    delta = delta / np.float32(max(float(np.abs(delta).max()), 1e-6))
    if rng.random() < 0.4:  # the floor of a dent gathers or loses light
        delta += np.float32(rng.uniform(-0.6, 0.6)) * rim
    return [Change(box, delta, rim > np.float32(0.05), thin=False)]


def chip(rng: np.random.Generator, piece: Workpiece) -> list[Change]:
    """Break a piece off an edge: shell-shaped facets, dark or glaring, with a sharp border."""
    centre, inward = place_at_border(rng, piece)
    radius = limit(choose(rng, 4, 60) * piece.unit, piece, 0.15)
    stretch = choose(rng, 1, 2.5)
    box = window(piece.shape, centre, 1.7 * radius * stretch + 4)
    cover = blob(
        rng,
        box,
        centre,
        (radius * stretch, radius),
        angle=inward + np.pi / 2 + rng.normal(0, 0.3),
        roughness=rng.uniform(0.15, 0.6),
        slope=float(rng.choice([1.0, 1.5])),
        softness=choose(rng, 1, 2.5),
    )
    face = _facets(rng, piece, box, radius)
    level = np.float32(rng.choice([-0.8, -0.5, 0.5], p=[0.5, 0.35, 0.15]) * rng.uniform(0.5, 1))
    delta = cover * (level + np.float32(rng.uniform(0.15, 0.5)) * face)
    if rng.random() < 0.5:
        border = np.clip(1 - np.abs(cover - np.float32(0.5)) * 2, 0, 1)
        delta += np.float32(rng.uniform(-0.8, 0.8)) * blur(border, 0.7)
    return [Change(box, delta, cover > np.float32(0.4), thin=False)]


def _facets(rng: np.random.Generator, piece: Workpiece, box: Window, radius: float) -> Field:
    """Return the broken face: planes and ripples in relief, unit deviation."""
    relief = sample(rng, box.shape, 1.5, max(radius / 60, 0.25))
    ridges = np.abs(relief) if rng.random() < 0.6 else relief
    return standardize(shade(blur(ridges, 0.7), piece.light))
