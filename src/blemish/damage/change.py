"""How a defect changes a workpiece, before the mask rule decides whether it shows."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from blemish.arrays import Mask
from blemish.damage.geometry import Window
from blemish.damage.noise import Field
from blemish.damage.workpiece import Workpiece


@dataclass(frozen=True)
class Change:
    """One event on the metal.

    Attributes:
        box: Where it happens.
        delta: Change of the reflectance at nominal strength, shape of the box.
        extent: What it covers, the fading parts included, shape of the box.
        thin: A line or a spot, painted with a margin and cut where it fades; else an area,
            painted whole.
        finish: Another finish instead of the one around it, as strong as it is; not to be scaled.
    """

    box: Window
    delta: Field
    extent: Mask
    thin: bool
    finish: bool = False

    def on_part(self, piece: Workpiece) -> "Change":
        """Return what of the change lies on the part."""
        if piece.part is None:
            return self
        part = piece.part[self.box.slices]
        return replace(self, delta=self.delta * part, extent=self.extent & (part > 0.5))


Event = Callable[[np.random.Generator, Workpiece], list[Change]]
"""Draws one event on a workpiece: one change, or a family of them."""


def close(region: Mask, radius: float) -> Mask:
    """Fill gaps and holes narrower than twice ``radius`` px, as a brush would."""
    size = 2 * max(1, round(radius)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    closed = cv2.morphologyEx(region.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    return np.asarray(closed, dtype=np.bool_)


def place(rng: np.random.Generator, piece: Workpiece) -> tuple[float, float]:
    """Choose a point on the part, ``(x, y)``; near its border as often as chance has it."""
    height, width = piece.shape
    x, y = float(rng.uniform(0, width)), float(rng.uniform(0, height))
    if piece.part is None or piece.part[int(y), int(x)] > 0.5:
        return x, y
    inside = np.flatnonzero(piece.part > 0.5)
    if not inside.size:
        return x, y
    row, column = divmod(int(inside[rng.integers(inside.size)]), width)
    return column + 0.5, row + 0.5


def place_at_border(
    rng: np.random.Generator, piece: Workpiece
) -> tuple[tuple[float, float], float]:
    """Choose a point on an edge of the part, else of the image, and the direction inward."""
    height, width = piece.shape
    if piece.edges:
        edge = piece.edges[int(rng.integers(len(piece.edges)))]
        length = max(piece.shape) if edge.length is None else edge.length
        shift = rng.uniform(-0.45, 0.45) * length
        x = edge.point[0] + shift * np.cos(edge.angle)
        y = edge.point[1] + shift * np.sin(edge.angle)
        inward = edge.angle + np.pi / 2
        return (float(np.clip(x, 0, width - 1)), float(np.clip(y, 0, height - 1))), inward
    share = rng.uniform(0.02, 0.98)
    side = int(rng.integers(4))
    point = [
        (share * width, 0.0),
        (width - 1.0, share * height),
        (share * width, height - 1.0),
        (0.0, share * height),
    ][side]
    return point, float(np.pi / 2 + side * np.pi / 2)


def heading(rng: np.random.Generator, piece: Workpiece, aligned: float) -> float:
    """Choose a direction: along the lay with the probability given, else any."""
    if rng.random() < aligned:
        return piece.lay + float(rng.normal(0, 0.05))
    return float(rng.uniform(0, np.pi))


def limit(value: float, piece: Workpiece, share: float) -> float:
    """Cap a length, px, at a share of the part's side."""
    return float(min(value, share * piece.side))
