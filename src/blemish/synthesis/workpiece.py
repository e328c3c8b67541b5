"""A piece of metal before the camera: its surface, its outline, its lighting."""

from dataclasses import dataclass

import numpy as np

from blemish.synthesis.geometry import Window, smoothstep, wander, whole
from blemish.synthesis.noise import Field, blur, choose, grain, slow
from blemish.synthesis.surfaces import SURFACES, Surface

_BAR_SHARE = 0.2  # of parts with an outline that are bars or shafts
_THREADED = 0.5  # of bars whose flanks carry a thread


@dataclass
class PartEdge:
    """A border of the part: a straight or slightly bent line, the part on its positive side.

    Attributes:
        point: A point of it, ``(x, y)``, px.
        angle: Direction of the line, radians; the part lies across it, to its right.
        length: How far it runs, px, ``point`` in its middle; None for a border without an end.
    """

    point: tuple[float, float]
    angle: float
    length: float | None = None


@dataclass
class Workpiece:
    """The part before the camera, and the light on it.

    Attributes:
        reflectance: Brightness before lighting, about 1, shape ``(H, W)``.
        lighting: Brightness of the light on each pixel, about 1, shape ``(H, W)``.
        part: 1 on the part, 0 beside it, shape ``(H, W)``; None where the part fills the image.
        background: Light from what lies beside the part, same shape; None where nothing does.
        edges: Borders of the part inside the image.
        surface: Name of the process.
        lay: Direction of its marks, radians.
        light: Where the light comes from, radians.
        unit: Magnification: pixels in the image for each pixel of the nominal drawing.
        contrast: Deviation of the reflectance by the marks of the process.
        local_contrast: The same from place to place, shape ``(H, W)``; None where it is even.
        extent: Side of the part, px, by which the sizes of defects are capped; None where that is
            the longer side of the image.
    """

    reflectance: Field
    lighting: Field
    part: Field | None
    edges: tuple[PartEdge, ...]
    surface: str
    lay: float
    light: float
    unit: float
    contrast: float
    local_contrast: Field | None = None
    extent: float | None = None
    background: Field | None = None

    def contrast_in(self, box: Window) -> float:
        """Return the deviation of the reflectance by the marks of the process in a box."""
        if self.local_contrast is None:
            return self.contrast
        return float(self.local_contrast[box.slices].mean())

    @property
    def side(self) -> float:
        """Length, px, by which the sizes of defects are capped."""
        return float(max(self.shape)) if self.extent is None else self.extent

    @property
    def shape(self) -> tuple[int, int]:
        """``(H, W)``."""
        return self.reflectance.shape[0], self.reflectance.shape[1]


def make_workpiece(rng: np.random.Generator, size: int, surface: str) -> Workpiece:
    """Make a clean piece of metal.

    Args:
        rng: Chooses everything else.
        size: Side of the image, px.
        surface: A key of :data:`blemish.synthesis.surfaces.SURFACES`.
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
    if rng.random() < 0.42:
        _cut_out(rng, piece, bar=bool(rng.random() < _BAR_SHARE))
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


def _cut_out(rng: np.random.Generator, piece: Workpiece, *, bar: bool) -> None:
    """Give a part its outline, in place; bevels shine or lie in shadow.

    Args:
        rng: Chooses it.
        piece: Fills the image so far.
        bar: Whether it is a bar or a shaft with both its flanks in the image, instead of a part
            that is cut along one to three sides or pierced.
    """
    part = np.ones(piece.shape, dtype=np.float32)
    relief = np.ones(piece.shape, dtype=np.float32)
    outline = (part, relief)
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
        _cut(rng, piece, side=side, inset=inset, tilt=tilt, tooth=tooth, outline=outline)
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
    for _ in range(int(rng.integers(0, 3))):  # chamfer, burr, rounded shoulder
        start = rng.uniform(0, 14) * unit
        reach = choose(rng, 2.5, 16) * unit
        rise = smoothstep((inward - np.float32(start)) / np.float32(0.3 * reach + 1))
        fall = smoothstep((inward - np.float32(start + reach)) / np.float32(0.5 * reach + 1))
        relief *= 1 + np.float32(rng.uniform(-0.6, 1.0)) * (rise - fall)
    if rng.random() < 0.5:  # a rounded flank turns away from the lamp, or towards it
        flank = np.exp(-np.maximum(inward, 0) / np.float32(choose(rng, 6, 50) * unit))
        relief *= 1 + np.float32(rng.uniform(-0.7, 0.5)) * flank
    return PartEdge(point, angle)


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


def other_texture(rng: np.random.Generator, piece: Workpiece, box: Window, surface: str) -> Field:
    """Return reflectance of another finish inside a box, about 1, at the piece's magnification."""
    kind = SURFACES[surface]
    lay = piece.lay + (float(rng.uniform(0.3, 1.5)) if rng.random() < 0.25 else 0.0)
    shape = (max(box.height, 8), max(box.width, 8))
    marks = kind.draw(rng, shape, piece.unit * choose(rng, 0.7, 1.4), lay, piece.light)
    return 1 + marks[: box.height, : box.width]
