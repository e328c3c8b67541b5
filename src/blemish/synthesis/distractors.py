"""Harmless things on a part: dirt, light and ink. None of them is in a mask."""

from collections.abc import Callable

import cv2
import numpy as np

from blemish.damage.change import limit, place
from blemish.damage.geometry import blob, smoothstep, whole, window
from blemish.damage.noise import as_field, blur, choose, sample
from blemish.damage.workpiece import Workpiece

Distract = Callable[[np.random.Generator, Workpiece], None]
"""Changes the reflectance or the lighting of a workpiece in place."""


def dust(rng: np.random.Generator, piece: Workpiece) -> None:
    """Scatter specks of about a pixel, dark or glinting."""
    count = int(choose(rng, 1, 40) * max(1.0, piece.shape[0] / 256))
    for _ in range(count):
        x, y = place(rng, piece)
        sigma = rng.uniform(0.35, 0.8) * max(1.0, piece.unit**0.5)
        box = window(piece.shape, (x, y), 3 * sigma + 1)
        u, v = box.grid((x, y))
        speck = np.exp(-(u * u + v * v) / np.float32(2 * sigma * sigma))
        height = rng.normal(0, 2.2) * min(piece.contrast + 0.02, 0.12)
        piece.reflectance[box.slices] *= 1 + np.float32(height) * speck


def stain(rng: np.random.Generator, piece: Workpiece) -> None:
    """Leave a faint stain without a border, or the faint ring of a dried drop."""
    radius = limit(choose(rng, 8, 90) * piece.unit, piece, 0.4)
    centre = place(rng, piece)
    box = window(piece.shape, centre, 1.8 * radius + 4)
    axes = (radius, radius * float(rng.uniform(0.4, 1)))
    soft = radius * rng.uniform(0.7, 1.4)
    cover = blob(rng, box, centre, axes, angle=rng.uniform(0, 3), roughness=0.4, softness=soft)
    depth = np.float32(rng.normal(0, 1.3) * min(piece.contrast + 0.015, 0.12))
    if rng.random() < 0.3:
        cover = blur(4 * cover * (1 - cover), 1.0)
        depth *= np.float32(0.7)
    piece.reflectance[box.slices] *= 1 + depth * cover


def reflection(rng: np.random.Generator, piece: Workpiece) -> None:
    """Mirror a lamp: a soft bright spot or bar, brightest in the middle."""
    radius = limit(choose(rng, 15, 150) * piece.unit, piece, 0.6)
    centre = place(rng, piece)
    u, v = whole(piece.shape).grid(centre, piece.lay + rng.normal(0, 0.2))
    stretch = np.float32(choose(rng, 0.3, 4))
    spot = np.exp(-0.5 * ((u / stretch) ** 2 + (v * stretch) ** 2) / np.float32(radius**2))
    piece.lighting += np.float32(choose(rng, 0.1, 1.6)) * spot


def shadow(rng: np.random.Generator, piece: Workpiece) -> None:
    """Let something outside the image cast a soft straight shadow."""
    point = (rng.uniform(0, piece.shape[1]), rng.uniform(0, piece.shape[0]))
    _, across = whole(piece.shape).grid(point, float(rng.uniform(0, 2 * np.pi)))
    softness = np.float32(choose(rng, 8, 60) * piece.unit)
    piece.lighting *= 1 - np.float32(rng.uniform(0.1, 0.5)) * smoothstep(across / softness)


def marking(rng: np.random.Generator, piece: Workpiece) -> None:
    """Stamp, engrave or print a number; edges soft, as ink and punches leave them."""
    height = choose(rng, 10, 45) * piece.unit
    text = "".join(rng.choice(list("0123456789ABCEFHKLMNPRSTX-/"), int(rng.integers(1, 7))))
    face = int(
        rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_PLAIN])
    )
    thick = max(1, round(height * rng.uniform(0.07, 0.16)))
    canvas = np.zeros(piece.shape, dtype=np.uint8)
    x, y = place(rng, piece)
    origin = (round(x - 0.3 * height * len(text)), round(y + height / 2))
    size = height / (12 if face == cv2.FONT_HERSHEY_PLAIN else 22)
    cv2.putText(canvas, text, origin, face, size, 255, thick, cv2.LINE_AA)
    turn = float(rng.choice([0, 90, 180, 270])) + rng.normal(0, 4)
    matrix = cv2.getRotationMatrix2D((x, y), turn, 1.0)
    turned = as_field(cv2.warpAffine(canvas, matrix, piece.shape[::-1]))
    ink = blur(turned / np.float32(255), choose(rng, 0.5, 2) * max(piece.unit, 0.7))
    if rng.random() < 0.3:  # engraved: one flank lit, the other in shade
        along_x = cv2.Sobel(ink, cv2.CV_32F, 1, 0, ksize=3)
        along_y = cv2.Sobel(ink, cv2.CV_32F, 0, 1, ksize=3)
        ink = np.float32(np.cos(piece.light)) * along_x + np.float32(np.sin(piece.light)) * along_y
    strength = rng.choice([-1, 1]) * choose(rng, 0.06, 0.5)
    piece.reflectance *= np.maximum(1 + np.float32(strength) * ink, np.float32(0.05))


def veins(rng: np.random.Generator, piece: Workpiece) -> None:
    """Show faint veins of the material, below what an inspector would call a crack."""
    field = np.abs(sample(rng, piece.shape, 1.5, choose(rng, 0.3, 1.5) * piece.unit))
    gate = sample(rng, piece.shape, 1.5, piece.unit)
    lines = np.clip(1 - field * np.float32(choose(rng, 8, 25)), 0, 1) * np.clip(gate, 0, 1)
    depth = rng.uniform(0.2, 1.5) * min(piece.contrast + 0.01, 0.1)
    piece.reflectance *= 1 - np.float32(depth) * lines


def fibres(rng: np.random.Generator, piece: Workpiece) -> None:
    """Let fibres and hairs lie about: thin, faint, curled more than any scratch."""
    canvas = np.zeros(piece.shape, dtype=np.uint8)
    for _ in range(int(rng.integers(1, 7))):
        points = int(rng.integers(8, 40))
        turns = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, rng.uniform(0.1, 0.5), points))
        step = choose(rng, 1, 4) * piece.unit
        steps = np.stack([np.cos(turns), np.sin(turns)], axis=1) * step
        course = np.cumsum(steps, axis=0) + np.asarray(place(rng, piece))
        fixed = np.round(course * 16).astype(np.int32)
        cv2.polylines(canvas, [fixed], False, 255, 1, cv2.LINE_AA, 4)
    hair = blur(as_field(canvas) / np.float32(255), rng.uniform(0.4, 0.9) * max(piece.unit, 0.8))
    depth = rng.choice([-1, -1, 1]) * rng.uniform(0.4, 1.8) * min(piece.contrast + 0.01, 0.1)
    piece.reflectance *= np.maximum(1 + np.float32(depth) * hair, np.float32(0.05))


def streaks(rng: np.random.Generator, piece: Workpiece) -> None:
    """Let single grains of the wheel leave long lines along the lay, no deeper than the rest."""
    _, across = whole(piece.shape).grid((0.0, 0.0), piece.lay)
    low, high = float(across.min()), float(across.max())
    profile = np.zeros(int((high - low) * 2) + 2, dtype=np.float32)
    for _ in range(int(rng.integers(4, 16))):  # a single one would be a scratch
        at, half = rng.uniform(0, len(profile)), choose(rng, 1, 8) * piece.unit
        position = np.arange(len(profile), dtype=np.float32)
        height = rng.normal(0.4, 0.8) * min(piece.contrast, 0.12)
        profile += np.float32(height) * np.exp(
            -0.5 * ((position - np.float32(at)) / np.float32(half)) ** 2
        )
    lines = profile[((across - np.float32(low)) * 2).astype(np.int32)]
    if rng.random() < 0.5:  # they glint in beads and fade in and out
        bead = sample(rng, piece.shape, 0.5, choose(rng, 1, 8) * piece.unit, 1.0, angle=piece.lay)
        lines = lines * np.maximum(1 + np.float32(rng.uniform(0.3, 1)) * bead, 0)
    piece.reflectance *= np.maximum(1 + lines, np.float32(0.05))


DISTRACTORS: dict[str, Distract] = {
    "dust": dust,
    "stain": stain,
    "reflection": reflection,
    "shadow": shadow,
    "marking": marking,
    "veins": veins,
    "fibres": fibres,
    "streaks": streaks,
}
ODDS = (0.20, 0.18, 0.13, 0.10, 0.1, 0.08, 0.07, 0.14)
"""How often each is drawn, in the order above; ``streaks`` only where the surface has a lay."""


def distract(rng: np.random.Generator, piece: Workpiece, mean: float, *, directed: bool) -> None:
    """Add a random number of distractors to a workpiece, in place.

    Args:
        rng: Chooses them.
        piece: The workpiece.
        mean: Their mean number.
        directed: Whether the surface has a lay that lines may follow.
    """
    names = rng.choice(list(DISTRACTORS), size=int(rng.poisson(mean)), p=ODDS)
    for name in names:
        if name != "streaks" or directed:
            DISTRACTORS[str(name)](rng, piece)
