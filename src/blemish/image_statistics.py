"""How images look in numbers: what drift monitoring compares live images with.

Of each image a few numbers; of a set, for each number its quantiles and a histogram whose edges
are its deciles, small enough to travel in a model file.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft2  # a third of the time of numpy's

from blemish.arrays import Plane
from blemish.errors import ShapeError

BINS = 10
QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
DIGITS = 6
_WINDOW = 256  # pixels; the spectrum is taken over windows so that large images stay cheap
_BANDS = (1 / 64, 1 / 16, 1 / 8, 1 / 4, 1 / 2)  # edges, cycles a pixel; 1/2 is Nyquist's
_FLOOR = 1e-6  # share of power that counts as none


@dataclass(frozen=True)
class ImageStatistics:
    """Numbers of one grey plane, none of which depends on its size."""

    brightness: float
    """Mean grey level, in ``[0, 1]``."""
    contrast: float
    """Standard deviation of the grey levels, in ``[0, 0.5]``."""
    sharpness: float
    """Root mean square of the Laplacian of the grey levels, in ``[0, 8]``."""
    spectrum_1: float
    """Power from 1/64 to 1/16 cycles a pixel: log10 of its share of all bands, in ``[-6, 0]``."""
    spectrum_2: float
    """Likewise from 1/16 to 1/8."""
    spectrum_3: float
    """Likewise from 1/8 to 1/4."""
    spectrum_4: float
    """Likewise from 1/4 to 1/2 and beyond it in the corners: grain and noise."""


NAMES = tuple(field.name for field in fields(ImageStatistics))


def image_statistics(plane: Plane) -> ImageStatistics:
    """Measure one grey plane.

    Args:
        plane: Shape ``(H, W)``, uint8.

    Raises:
        ShapeError: The plane has another shape or type.
    """
    if plane.ndim != 2 or plane.dtype != np.uint8 or plane.size == 0:
        raise ShapeError(f"Statistics take a uint8 plane (H, W); got {plane.dtype} {plane.shape}.")
    mean, deviation = cv2.meanStdDev(plane)
    laplacian = cv2.Laplacian(plane, cv2.CV_16S)
    sharpness = float(cv2.norm(laplacian, cv2.NORM_L2)) / np.sqrt(plane.size)
    numbers = [float(mean[0, 0]) / 255, float(deviation[0, 0]) / 255, sharpness / 255]
    return ImageStatistics(*numbers, *_spectrum(plane))


def _spectrum(plane: Plane) -> list[float]:
    """Return log10 of the share of power in each radial band, averaged over up to four windows."""
    power = np.zeros(len(_BANDS) - 1)
    for window in _windows(plane):
        power += _band_power(window)
    shares = power / max(float(power.sum()), np.finfo(np.float64).tiny)
    return [float(value) for value in np.log10(np.maximum(shares, _FLOOR))]


def _windows(plane: Plane) -> Iterable[Plane]:
    """Yield the plane when small, else windows around its quarter points."""
    height, width = (min(side, _WINDOW) for side in plane.shape)
    for top in _starts(plane.shape[0], height):
        for left in _starts(plane.shape[1], width):
            yield plane[top : top + height, left : left + width]


def _starts(length: int, window: int) -> list[int]:
    """Return where windows begin along one side."""
    centres = (length // 4, 3 * length // 4)
    return sorted({min(max(centre - window // 2, 0), length - window) for centre in centres})


def _band_power(window: Plane) -> list[float]:
    """Sum the periodogram of one window (Hann taper) over each radial band."""
    taper, order, ends = _grid(*window.shape)
    spectrum = rfft2((window - np.float32(cv2.mean(window)[0])) * taper)
    power = (spectrum.real**2 + spectrum.imag**2).ravel()[order]
    return [float(power[a:b].sum(dtype=np.float64)) / window.size for a, b in pairwise(ends)]


@lru_cache(maxsize=8)
def _grid(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.int64], list[int]]:
    """Return the taper of a window, its frequencies in the order of the bands, and their ends."""
    taper = np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1])
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    bands = np.digitize(radius, _BANDS[:-1]).ravel()
    order = np.argsort(bands, kind="stable")
    ends = np.searchsorted(bands[order], np.arange(1, len(_BANDS) + 1)).tolist()
    return taper.astype(np.float32), order, ends


def summarise(statistics: Sequence[ImageStatistics]) -> dict[str, Any]:
    """Summarise the numbers of many images, one entry for each number.

    Args:
        statistics: One for each image; at least one.

    Returns:
        For each number ``mean``, ``std``, ``quantiles`` (at ``QUANTILES``), ``edges`` (the
        inner deciles) and ``counts`` (one more than edges): finite numbers, under 2 KB in all.
    """
    table = np.array([[getattr(one, name) for name in NAMES] for one in statistics])
    return {name: summarise_values(table[:, column]) for column, name in enumerate(NAMES)}


def as_numbers(statistics: ImageStatistics) -> dict[str, float]:
    """Return the numbers of one image by name, rounded as they are stored."""
    return {name: round(value, DIGITS) for name, value in asdict(statistics).items()}


def summarise_values(values: NDArray[np.float64]) -> dict[str, Any]:
    """Summarise a number.

    Args:
        values: One for each image, shape ``(N,)``, finite; at least one.

    Returns:
        ``mean``, ``std``, ``quantiles`` (at :data:`QUANTILES`), ``edges`` (the inner deciles) and
        ``counts`` (one more than edges): finite numbers.
    """
    edges = np.unique(np.round(np.quantile(values, np.arange(1, BINS) / BINS), DIGITS))
    counts = np.bincount(np.digitize(values, edges), minlength=len(edges) + 1)
    return {
        "mean": round(float(values.mean()), DIGITS),
        "std": round(float(values.std()), DIGITS),
        "quantiles": [round(float(v), DIGITS) for v in np.quantile(values, QUANTILES)],
        "edges": [float(edge) for edge in edges],
        "counts": [int(count) for count in counts],
    }
