"""Defects that cover an area: inclusions, patches, scale, fray, uneven finish, corrosion."""

from dataclasses import dataclass

import numpy as np

from blemish.arrays import Mask
from blemish.damage.change import Change, close, heading, limit, place, place_at_border
from blemish.damage.geometry import Window, blob, wander, whole, window
from blemish.damage.noise import Field, as_field, blur, choose, sample, standardize
from blemish.damage.surfaces import SURFACES, shade
from blemish.damage.workpiece import Workpiece

_LARGEST_ZONE = 0.6  # of the part; beyond it the rest would be the defect
_BLOTCH_SHARE = 0.3  # of patches that are many areas instead of one


def inclusion(rng: np.random.Generator, piece: Workpiece) -> list[Change]:
    """Roll slag into the skin: dark stringers along the strip, frayed, torn, with glints."""
    length = limit(choose(rng, 6, 300) * piece.unit, piece, 1.0)
    width = max(1.2, min(choose(rng, 1.2, 14) * piece.unit, length))
    angle = heading(rng, piece, 0.8)
    x, y = place(rng, piece)
    if rng.random() < 0.2:
        return _splash(rng, piece, (x, y), max(2.0, width))
    changes = []
    for number in range(int(rng.choice([1, 1, 2, 3, 4]))):
        away = rng.normal(0, 4 * width) * (number > 0)
        along = rng.normal(0, 0.5 * length) * (number > 0)
        centre = (
            float(x - np.sin(angle) * away + np.cos(angle) * along),
            float(y + np.cos(angle) * away + np.sin(angle) * along),
        )
        size = choose(rng, 0.5, 1) if number else 1.0
        axes = (size * length / 2, max(1.0, size * width / 2))
        changes.append(_stringer(rng, piece, centre, axes, angle))
    return changes


def _splash(
    rng: np.random.Generator, piece: Workpiece, centre: tuple[float, float], radius: float
) -> list[Change]:
    """Press in a lump of foreign matter: a core, crumbs thrown to one side, a smear behind it."""
    angle = heading(rng, piece, 0.8) + float(rng.choice([0, np.pi]))
    box = window(piece.shape, centre, 6 * radius + 4)
    axes = (radius * float(rng.uniform(0.6, 1.2)), radius)
    core = blob(rng, box, centre, axes, angle=angle, roughness=0.5, slope=1.0, softness=1.5)
    along, across = box.grid(centre, angle)
    crumbs = sample(rng, box.shape, 0.0, choose(rng, 1.2, 2.5) * max(piece.unit, 0.7))
    fan = np.exp(-0.5 * ((along / radius - 1.5) ** 2 / 1.5 + (across / radius) ** 2 / 1.5))
    thrown = np.clip((crumbs - 3.2 + 2.2 * fan) * 4, 0, 1)
    smear = np.exp(-0.5 * (across / (1.1 * radius)) ** 2) * np.clip(along / radius, 0, 1)
    cover = as_field(np.maximum(core, thrown))
    inside = np.float32(0.25) * sample(rng, box.shape, 0.5, piece.unit)
    fade = np.exp(-np.maximum(along, 0) / np.float32(3 * radius))
    delta = -cover * (1 + inside) - np.float32(rng.uniform(0, 0.15)) * as_field(smear * fade)
    return [Change(box, delta, close(cover > np.float32(0.4), 1.0), thin=False)]


def _stringer(
    rng: np.random.Generator,
    piece: Workpiece,
    centre: tuple[float, float],
    axes: tuple[float, float],
    angle: float,
) -> Change:
    box = window(piece.shape, centre, 1.7 * max(axes) + 4)
    cover = blob(
        rng,
        box,
        centre,
        axes,
        angle=angle,
        roughness=rng.uniform(0.2, 0.9),
        slope=1.0,
        softness=choose(rng, 0.7, 3),
    )
    inside = sample(rng, box.shape, 0.5, choose(rng, 1, 4) * piece.unit, piece.unit, angle=angle)
    sign = np.float32(-1 if rng.random() < 0.85 else 1)
    delta = cover * (sign + np.float32(rng.uniform(0.1, 0.5)) * inside)
    if rng.random() < 0.4:  # torn skin glints
        delta += cover * np.maximum(inside - np.float32(1.3), 0) * np.float32(rng.uniform(0.5, 2))
    extent = close(cover > np.float32(0.4), max(1.0, 0.3 * axes[1]))
    return Change(box, delta, extent, thin=axes[1] < 3)


def patch(rng: np.random.Generator, piece: Workpiece) -> list[Change]:
    """Leave an irregular area of another colour and grain, small or a third of the image."""
    if rng.random() < _BLOTCH_SHARE:
        return _blotches(rng, piece)
    radius = limit(choose(rng, 7, 130) * piece.unit, piece, 0.36)
    stretch = choose(rng, 1, 3)
    centre = place(rng, piece)
    box = window(piece.shape, centre, 1.7 * radius * stretch**0.5 + 4)
    cover = blob(
        rng,
        box,
        centre,
        (radius * stretch**0.5, radius / stretch**0.5),
        angle=heading(rng, piece, 0.6),
        roughness=rng.uniform(0.2, 0.9),
        slope=float(rng.choice([1.0, 1.5])),
        softness=choose(rng, 0.7, 4),
    )
    delta = cover * _colour(rng, piece, box)
    extent = close(cover > np.float32(0.45), max(1.0, 0.03 * radius))
    return [Change(box, delta, extent, thin=False)]


def _blotches(rng: np.random.Generator, piece: Workpiece) -> list[Change]:
    """Cover a good part of the image with areas of one colour, as a skin that came off does."""
    box = whole(piece.shape)
    size = choose(rng, 0.25, 0.9) * max(piece.shape) / 256
    angle = heading(rng, piece, 0.7)
    field = sample(
        rng, box.shape, float(rng.choice([1.5, 2.0])), size * choose(rng, 1, 3), size, angle=angle
    )
    field += np.float32(rng.uniform(0, 0.15)) * sample(rng, box.shape, 0.5, piece.unit)
    steep = np.float32(choose(rng, 4, 20))
    threshold = np.float32(rng.uniform(0.3, 1.5))
    cover = as_field(np.clip((field - threshold) * steep + np.float32(0.5), 0, 1))
    delta = cover * _colour(rng, piece, box)
    return [Change(box, delta, close(cover > np.float32(0.45), 1.0), thin=False)]


def _colour(rng: np.random.Generator, piece: Workpiece, box: Window) -> Field:
    """Return the change inside a patch: darker or brighter, mottled, grain lost or gained."""
    sign = np.float32(-1 if rng.random() < 0.72 else 1)
    mottle = sample(rng, box.shape, 1.0, choose(rng, 0.2, 1.2) * piece.unit)
    change = sign * (1 + np.float32(rng.uniform(0, 0.5)) * mottle)
    if rng.random() < 0.4:
        lost = piece.reflectance[box.slices] - 1
        change -= np.float32(rng.uniform(0.3, 0.9)) * lost / np.float32(3 * piece.contrast)
    return change


def scale(rng: np.random.Generator, piece: Workpiece) -> list[Change]:
    """Scatter flakes of oxide over an area: many islands, drawn out along the strip, in relief."""
    reach = limit(choose(rng, 15, 160) * piece.unit, piece, 0.5)
    centre = place(rng, piece)
    stretch = choose(rng, 1, 4)
    box = window(piece.shape, centre, 1.4 * reach)
    angle = heading(rng, piece, 0.85)
    flake = choose(rng, 0.25, 1.2) * piece.unit
    field = sample(rng, box.shape, 1.5, flake * stretch, flake, angle=angle)
    along, across = box.grid(centre, angle)
    distance = np.sqrt(along**2 + (across * np.float32(rng.uniform(1, 2.5))) ** 2)
    falling = distance / np.float32(reach)
    threshold = np.float32(rng.uniform(0.0, 1.1)) + np.float32(2) * falling**2
    steep = np.float32(choose(rng, 2, 10))
    cover = as_field(np.clip((field - threshold) * steep + np.float32(0.5), 0, 1))
    sign = np.float32(-1 if rng.random() < 0.75 else 1)
    delta = as_field(sign * cover)
    if rng.random() < 0.5:
        delta += (
            np.float32(rng.uniform(0.2, 1)) * standardize(shade(blur(cover, 0.8), piece.light)) / 3
        )
    extent = close(cover > np.float32(0.4), max(1.0, 1.5 * piece.unit))
    return [Change(box, delta, extent, thin=False)]


def fray(rng: np.random.Generator, piece: Workpiece) -> list[Change]:
    """Leave an area the tool missed: its own dull skin, none of the marks, often at an edge."""
    edge = PatchEdge(at_border=0.55, roughest=0.4, slopes=(1.5,), softness=(0.7, 6))
    box, cover = stretched_patch(rng, piece, 14, edge)
    skin = sample(rng, box.shape, float(rng.choice([0.5, 1.0])), 0.7 * piece.unit)
    level = 1 + np.float32(rng.choice([-1, 1], p=[0.75, 0.25]) * rng.uniform(0.05, 0.5))
    new = level * (1 + np.float32(rng.uniform(0.1, 0.6) * piece.contrast) * skin)
    delta = cover * (new - piece.reflectance[box.slices])
    return [Change(box, delta, cover > np.float32(0.45), thin=False, finish=True)]


@dataclass(frozen=True)
class PatchEdge:
    """Where a patch lies, and how its edge runs."""

    at_border: float | None
    """Chance that it lies at a border of the part; None: never, and nothing is drawn for it."""
    roughest: float
    slopes: tuple[float, ...]
    """Of the spectrum of its course; one of them is chosen."""
    softness: tuple[float, float]
    """Smallest and largest width, px."""


def stretched_patch(
    rng: np.random.Generator, piece: Workpiece, smallest: float, edge: PatchEdge
) -> tuple[Window, Field]:
    """Return an area of up to 130 px of radius, longer than wide, and how it is covered.

    Args:
        rng: Chooses place, size and course.
        piece: The part.
        smallest: Radius at magnification 1, px.
        edge: Where it lies, and how its edge runs.
    """
    radius = limit(choose(rng, smallest, 130) * piece.unit, piece, 0.36)
    stretch = choose(rng, 1, 3)
    if edge.at_border is not None and rng.random() < edge.at_border:
        centre, angle = place_at_border(rng, piece)
    else:
        centre, angle = place(rng, piece), heading(rng, piece, 0.5)
    box = window(piece.shape, centre, 1.7 * radius * stretch**0.5 + 4)
    axes = (radius * stretch**0.5, radius / stretch**0.5)
    rough = rng.uniform(0.05, edge.roughest)
    slope = edge.slopes[0] if len(edge.slopes) == 1 else float(rng.choice(edge.slopes))
    soft = choose(rng, *edge.softness)
    return box, blob(
        rng, box, centre, axes, angle=angle, roughness=rough, slope=slope, softness=soft
    )


def uneven(rng: np.random.Generator, piece: Workpiece) -> list[Change]:
    """Change the finish beyond a border: a second pass, a skipped pass, another wheel."""
    box, cover = zone(rng, piece)
    names = [name for name, kind in SURFACES.items() if kind.directed]
    surface = piece.surface if rng.random() < 0.6 else str(rng.choice(names))
    marks = _other_texture(rng, piece, box, surface) - 1
    strength = piece.contrast * (choose(rng, 1.3, 4) if rng.random() < 0.75 else 0.3)
    step = rng.choice([-1, 1]) * choose(rng, 0.2, 2.5) * max(piece.contrast, 0.04)
    level = 1 + np.float32(step)
    new = np.maximum(level * (1 + np.float32(min(strength, 0.35)) * marks), np.float32(0.05))
    delta = cover * (new - piece.reflectance[box.slices])
    if rng.random() < 0.4:  # a seam where the passes meet
        seam = np.clip(1 - np.abs(cover - np.float32(0.5)) * 2, 0, 1)
        delta += np.float32(rng.normal(0, 2 * piece.contrast)) * seam
    return [Change(box, delta, cover > np.float32(0.5), thin=False, finish=True)]


def _other_texture(rng: np.random.Generator, piece: Workpiece, box: Window, surface: str) -> Field:
    """Return reflectance of another finish inside a box, about 1, at the piece's magnification."""
    kind = SURFACES[surface]
    lay = piece.lay + (float(rng.uniform(0.3, 1.5)) if rng.random() < 0.25 else 0.0)
    shape = (max(box.height, 8), max(box.width, 8))
    marks = kind.draw(rng, shape, piece.unit * choose(rng, 0.7, 1.4), lay, piece.light)
    return 1 + marks[: box.height, : box.width]


def zone(rng: np.random.Generator, piece: Workpiece) -> tuple[Window, Field]:
    """Return a large area of the part and how it is covered: beyond a line, or a blob."""
    softness = choose(rng, 0.7, 5)
    if rng.random() < 0.6:
        cover = _beyond_a_line(rng, piece, softness)
        part = np.float32(1) if piece.part is None else piece.part
        if float((cover * part).mean()) < _LARGEST_ZONE * float(np.mean(part)):
            return whole(piece.shape), cover
    radius = limit(choose(rng, 25, 130) * piece.unit, piece, 0.36)
    centre = place(rng, piece)
    box = window(piece.shape, centre, 1.7 * radius + 4)
    axes = (radius, radius * float(rng.uniform(0.5, 1)))
    return box, blob(rng, box, centre, axes, angle=piece.lay, roughness=0.2, softness=softness)


def _beyond_a_line(rng: np.random.Generator, piece: Workpiece, softness: float) -> Field:
    """Return what lies between a border and a line beside it that wanders."""
    box = whole(piece.shape)
    point, inward = place_at_border(rng, piece)
    _, depth = box.grid(point, inward - np.pi / 2 + float(rng.normal(0, 0.12)))
    along, _ = box.grid(point, inward - np.pi / 2)
    side = max(piece.shape)
    border = wander(rng, 128, rng.uniform(0, 5)) * np.float32(rng.uniform(0, 0.05) * side)
    bent = border[np.clip((along / side * 64 + 64).astype(np.int32), 0, 127)]
    far = np.float32(choose(rng, 0.08, 0.5) * side)
    return as_field(np.clip((far + bent - depth) / np.float32(softness) + np.float32(0.5), 0, 1))


def corrosion(rng: np.random.Generator, piece: Workpiece) -> list[Change]:
    """Let rust spread: ragged specks that run together, dark with pale rims, in a diffuse halo."""
    radius = limit(choose(rng, 6, 80) * piece.unit, piece, 0.3)
    centre = place(rng, piece)
    box = window(piece.shape, centre, 1.7 * radius + 4)
    axes = (radius, radius * float(rng.uniform(0.5, 1)))
    halo = blob(
        rng, box, centre, axes, angle=heading(rng, piece, 0.4), roughness=0.5, softness=radius
    )
    speck = sample(
        rng, box.shape, float(rng.choice([0.5, 1.0])), choose(rng, 0.5, 1.5) * piece.unit
    )
    cover = np.clip((speck + 3 * halo - np.float32(rng.uniform(1.4, 2.2))) * 3, 0, 1) * (halo > 0)
    delta = -cover * (1 + np.float32(0.3) * speck)
    if rng.random() < 0.5:
        delta += np.float32(rng.uniform(0.2, 0.6)) * np.maximum(blur(cover, 2.5) - cover, 0)
    delta -= np.float32(rng.uniform(0, 0.3)) * halo
    return [Change(box, delta, _painted(cover, piece.unit), thin=False)]


def _painted(cover: Field, unit: float) -> Mask:
    """Return specks as one area where they lie close, as an inspector paints them."""
    return close(cover > np.float32(0.4), 2 * unit)
