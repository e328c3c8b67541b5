"""Windows of an image, and the shapes of what happens inside them."""

from dataclasses import dataclass

import cv2
import numpy as np

from blemish.damage.noise import Field, as_field, sample


@dataclass(frozen=True)
class Window:
    """A box of the image, cut at its borders, px."""

    top: int
    left: int
    height: int
    width: int

    @property
    def shape(self) -> tuple[int, int]:
        """``(height, width)``."""
        return self.height, self.width

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the box in an array of the image."""
        return (
            slice(self.top, self.top + self.height),
            slice(self.left, self.left + self.width),
        )

    def grid(self, centre: tuple[float, float], angle: float = 0.0) -> tuple[Field, Field]:
        """Return coordinates ``(along, across)`` of each pixel from ``centre`` (x, y), px.

        Args:
            centre: In the image, ``(x, y)``.
            angle: Direction of ``along``, radians.
        """
        x = np.arange(self.left, self.left + self.width, dtype=np.float32) - np.float32(centre[0])
        y = np.arange(self.top, self.top + self.height, dtype=np.float32) - np.float32(centre[1])
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        along = (x * cos)[None, :] + (y * sin)[:, None]
        across = (x * -sin)[None, :] + (y * cos)[:, None]
        return along, across


def window(shape: tuple[int, int], centre: tuple[float, float], reach: float) -> Window:
    """Return the box of half side ``reach`` about ``centre`` (x, y); at least 2 px of it inside."""
    height, width = shape
    left = int(np.clip(centre[0] - reach, 0, width - 2))
    top = int(np.clip(centre[1] - reach, 0, height - 2))
    right = int(np.clip(centre[0] + reach + 1, left + 2, width))
    bottom = int(np.clip(centre[1] + reach + 1, top + 2, height))
    return Window(top, left, bottom - top, right - left)


def whole(shape: tuple[int, int]) -> Window:
    """Return the box of the whole image."""
    return Window(0, 0, *shape)


def blob(
    rng: np.random.Generator,
    box: Window,
    centre: tuple[float, float],
    axes: tuple[float, float],
    *,
    angle: float = 0.0,
    roughness: float = 0.3,
    slope: float = 1.5,
    softness: float = 1.5,
) -> Field:
    """Return how much of each pixel an irregular blob covers.

    An ellipse whose border is moved by a random field: smooth (slope 2) to fractal (slope 1).

    Args:
        rng: Chooses the field.
        box: Where to draw.
        centre: ``(x, y)``, px.
        axes: Half lengths along and across ``angle``, px.
        angle: Radians.
        roughness: How far the field moves the border, as a part of the half axes.
        slope: Spectral slope of the field.
        softness: Width of the border, px.

    Returns:
        Shape of the box, float32 in [0, 1].
    """
    along, across = box.grid(centre, angle)
    distance = np.sqrt((along / np.float32(axes[0])) ** 2 + (across / np.float32(axes[1])) ** 2)
    inside = 1 - distance
    if roughness > 0:  # the field must not reach the border of a box of 1.7 times the axes
        beyond = np.maximum(-inside, 0)
        inside -= 4 * beyond * beyond
        stretch = (max(axes[0] / 40, 0.2), max(axes[1] / 40, 0.2))
        inside += np.float32(roughness) * sample(rng, box.shape, slope, *stretch, angle=angle)
    steepness = np.float32(min(axes) / max(softness, 0.3))
    return as_field(np.clip(inside * steepness + np.float32(0.5), 0, 1))


def table(curve: Field, position: Field, start: float, step: float) -> Field:
    """Look up a curve sampled every ``step`` from ``start`` at each position."""
    index = ((position - np.float32(start)) * np.float32(1 / step)).astype(np.int32)
    return curve[np.clip(index, 0, len(curve) - 1)]


def wander(rng: np.random.Generator, points: int, waves: float) -> Field:
    """Return a smooth random curve of ``points`` values within [-1, 1]."""
    nodes = max(2, round(waves) + 2)
    coarse = rng.uniform(-1, 1, (1, nodes)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (points, 1), interpolation=cv2.INTER_CUBIC)[0], np.float32)


def smoothstep(values: Field) -> Field:
    """Return 3 t^2 - 2 t^3 of values clipped to [0, 1]."""
    t = np.clip(values, 0, 1)
    return t * t * (3 - 2 * t)
