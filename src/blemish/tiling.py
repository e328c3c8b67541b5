"""How a large image is cut into tiles at native scale, and the answers blended into one map.

The one rule for evaluation and serving. A side shorter than a tile is padded by reflection at its
far end and the answer is cut back, so a model only ever sees one shape: ``(N, 1, tile, tile)``.
"""

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
import numpy.typing as npt

from blemish.arrays import Map, Plane
from blemish.errors import ShapeError

Model = Callable[[npt.NDArray[np.uint8]], Map]
"""uint8 ``(N, 1, tile, tile)`` in, probability float32 of the same shape out."""

_OVERLAP_SHARE = 4  # the deepest features see further than that; blending hides what is left


def default_overlap(tile: int) -> int:
    """Return how many pixels neighbouring tiles share, a quarter of their side."""
    return tile // _OVERLAP_SHARE


def tiles(height: int, width: int, tile: int, overlap: int) -> tuple[tuple[int, int], ...]:
    """Place tiles over an image, spread evenly, the last ones flush with its far edges.

    Args:
        height: Of the image, in pixels.
        width: Of the image, in pixels.
        tile: Side of a tile, in pixels.
        overlap: Least number of pixels that neighbours share, in ``[0, tile)``.

    Returns:
        ``(top, left)`` of each, row by row; a single ``(0, 0)`` for an image within one tile.

    Raises:
        ShapeError: A side is below 1, or the overlap is out of range.
    """
    if min(height, width, tile) < 1 or not 0 <= overlap < tile:
        raise ShapeError(
            f"Cannot tile {height} x {width} pixels by {tile} with overlap {overlap}: sides are at "
            "least 1 and the overlap is at least 0 and below the tile."
        )
    return tuple(product(_starts(height, tile, overlap), _starts(width, tile, overlap)))


def pad_reflect(plane: Plane, tile: int) -> Plane:
    """Extend the sides shorter than a tile by reflection, at the bottom and the right.

    Args:
        plane: Shape ``(H, W)``, not empty.
        tile: Least side of the result, in pixels.

    Returns:
        Shape ``(max(H, tile), max(W, tile))``; ``plane`` itself where nothing was missing.
    """
    missing = [(0, max(0, tile - side)) for side in plane.shape]
    return np.pad(plane, missing, mode="reflect") if any(m for _, m in missing) else plane


def blending_weights(tile: int, overlap: int) -> Map:
    """Return the weight of each pixel of a tile: 1 inside, a linear slope over the overlap.

    Returns:
        Shape ``(tile, tile)``, float32, in ``(0, 1]``.
    """
    distance = np.minimum(np.arange(tile), np.arange(tile)[::-1]) + 0.5
    slope = np.minimum(distance / max(overlap, 1), 1.0)
    return np.outer(slope, slope).astype(np.float32)


def predict_tiled(
    plane: Plane, model: Model, *, tile: int, overlap: int | None = None, batch: int = 1
) -> Map:
    """Run a model over an image of any size at native scale.

    Args:
        plane: Shape ``(H, W)``, uint8.
        model: Maps uint8 ``(N, 1, tile, tile)`` to float32 probabilities of the same shape.
        tile: Side of a tile, in pixels.
        overlap: Pixels that neighbours share at least; ``default_overlap(tile)`` by default.
        batch: Most tiles handed to the model at once.

    Returns:
        Shape ``(H, W)``, float32, in ``[0, 1]``.

    Raises:
        ShapeError: ``plane`` is no uint8 image.
    """
    if plane.ndim != 2 or plane.dtype != np.uint8 or plane.size == 0:
        raise ShapeError(f"Expected a uint8 image (H, W), not {plane.dtype} {plane.shape}.")
    padded, shared = pad_reflect(plane, tile), default_overlap(tile) if overlap is None else overlap
    corners = tiles(padded.shape[0], padded.shape[1], tile, shared)

    def answers() -> Iterator[Map]:
        for first in range(0, len(corners), batch):
            places = corners[first : first + batch]
            cut = [padded[top : top + tile, left : left + tile] for top, left in places]
            yield from model(np.stack(cut)[:, None])[:, 0]

    return stitch(answers(), plane.shape, tile, shared)


def stitch(parts: Iterator[Map], shape: tuple[int, ...], tile: int, overlap: int) -> Map:
    """Blend the answers for the tiles of an image into one map.

    Args:
        parts: One float32 ``(tile, tile)`` for each of ``tiles`` of the padded image, in order.
        shape: ``(H, W)`` of the image before padding.
        tile: Side of a tile, in pixels.
        overlap: As given to ``tiles``.

    Returns:
        Shape ``(H, W)``, float32: where tiles overlap, their weighted mean.
    """
    height, width = (max(side, tile) for side in shape)
    corners = tiles(height, width, tile, overlap)
    if len(corners) == 1:
        return np.ascontiguousarray(next(iter(parts))[: shape[0], : shape[1]])
    weights = blending_weights(tile, overlap)
    total = np.zeros((height, width), np.float32)
    weight = np.zeros((height, width), np.float32)
    for (top, left), part in zip(corners, parts, strict=True):
        here = np.s_[top : top + tile, left : left + tile]
        total[here] += part * weights
        weight[here] += weights
    total /= weight
    return np.clip(total[: shape[0], : shape[1]], 0.0, 1.0)


def _starts(side: int, tile: int, overlap: int) -> list[int]:
    """Where tiles begin along one side."""
    if side <= tile:
        return [0]
    count = -(-(side - overlap) // (tile - overlap))
    return [round(i * (side - tile) / (count - 1)) for i in range(count)]
