"""Annotated regions drawn as masks."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco

from blemish.arrays import Mask
from blemish.importing.source import EncodedMask, PixelRuns, Polygons, Region, RunLengths
from blemish.sets.regions import decode_region


class RegionError(Exception):
    """A region cannot be drawn; the sentence says why."""


def draw_region(region: Region, shape: tuple[int, int]) -> Mask:
    """Draw an annotated region.

    Args:
        region: As the annotation has it.
        shape: Height and width of the image that was annotated.

    Raises:
        RegionError: The region does not belong to an image of that size.
    """
    if isinstance(region, Polygons):
        return _draw_polygons(region, shape)
    if isinstance(region, PixelRuns):
        return _draw_runs(region, shape)
    if isinstance(region, EncodedMask):
        return _draw_encoded(region, shape)
    return _decode_run_lengths(region, shape)


def _draw_polygons(region: Polygons, shape: tuple[int, int]) -> Mask:
    scale = np.array((shape[1], shape[0]) if region.shares else (1, 1), np.float64)
    polygons = [np.asarray(one, np.float64).reshape(-1, 2) * scale for one in region.polygons]
    if not all(_is_near(polygon, shape) for polygon in polygons):
        raise RegionError("a polygon far outside")
    mask = np.zeros(shape, np.bool_)
    for part in coco.frPyObjects([polygon.ravel().tolist() for polygon in polygons], *shape):
        mask |= decode_region(shape[0], shape[1], part["counts"].decode("ascii"))
    return mask


def _is_near(polygon: NDArray[np.float64], shape: tuple[int, int]) -> bool:
    """Say whether a polygon lies within an image's size of it: rasterising takes its outline."""
    size = np.array((shape[1], shape[0]))
    return bool((polygon >= -size).all() and (polygon <= 2 * size).all())


def _decode_run_lengths(region: RunLengths, shape: tuple[int, int]) -> Mask:
    if region.size != shape:
        raise RegionError(
            f"a region of {region.size[1]} x {region.size[0]} pixels for an image of "
            f"{shape[1]} x {shape[0]}"
        )
    counts = region.counts
    try:
        if not isinstance(counts, str):
            plain = {"size": list(shape), "counts": list(counts)}
            counts = coco.frPyObjects(plain, *shape)["counts"].decode("ascii")
        return decode_region(shape[0], shape[1], counts)
    except (ValueError, TypeError, OverflowError) as error:
        raise RegionError(f"{error} in a region") from error


def _draw_runs(region: PixelRuns, shape: tuple[int, int]) -> Mask:
    columns = np.zeros(shape[0] * shape[1], np.bool_)
    ends = [start + length for start, length in region.runs]
    if max(ends, default=0) > columns.size:
        raise RegionError(
            f"runs up to pixel {max(ends)} for an image of {columns.size} ({shape[1]} x {shape[0]})"
        )
    for start, length in region.runs:
        columns[start : start + length] = True
    return columns.reshape(shape[1], shape[0]).T.copy()


def _draw_encoded(region: EncodedMask, shape: tuple[int, int]) -> Mask:
    try:
        with Image.open(io.BytesIO(region.data), formats=("PNG",)) as image:
            if image.width * image.height > shape[0] * shape[1]:
                raise RegionError("a mask larger than the image")
            inner = np.asarray(image.convert("L")) > 0
    except (OSError, ValueError, SyntaxError) as error:
        raise RegionError("a mask that is no PNG") from error
    left, top = region.corner
    height, width = inner.shape
    if left < 0 or top < 0 or top + height > shape[0] or left + width > shape[1]:
        raise RegionError("a mask that reaches beyond the image")
    mask = np.zeros(shape, np.bool_)
    mask[top : top + height, left : left + width] = inner
    return mask
