"""Random fields, cut from a few large periodic ones, since a transform for each image is slow.

A bank holds one field for each spectral slope: white noise shaped to an amplitude spectrum
``1 / f ** slope``. The banks are the same in every process (their seed is a constant); what an
image gets is a window of one, at a random place, turned, and stretched along and across an axis.
"""

from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
"""A real field over the image, shape ``(H, W)``, float32."""


def as_field(values: Any) -> Field:
    """Return values as float32."""
    return np.asarray(values, dtype=np.float32)


_SIDE = 1024
_SEED = 0x5EED
_FIRST_FREQUENCY = 3.0 / _SIDE  # below it the spectrum is flat: one window must not be one slope


@cache
def _bank(slope: float) -> Field:
    rng = np.random.default_rng([_SEED, round(slope * 100)])
    white = rng.standard_normal((_SIDE, _SIDE), dtype=np.float32)
    if slope == 0:
        return white
    across = np.fft.fftfreq(_SIDE)[:, None]
    along = np.fft.rfftfreq(_SIDE)[None, :]
    frequency = np.maximum(np.hypot(across, along), _FIRST_FREQUENCY)
    spectrum = np.fft.rfft2(white) / frequency**slope
    spectrum[0, 0] = 0
    field = np.fft.irfft2(spectrum, s=white.shape).astype(np.float32)
    return np.asarray(field / field.std(), dtype=np.float32)


def sample(
    rng: np.random.Generator,
    shape: tuple[int, int],
    slope: float,
    along: float = 1.0,
    across: float | None = None,
    *,
    angle: float = 0.0,
) -> Field:
    """Cut a window from a bank.

    Args:
        rng: Chooses the place.
        shape: ``(H, W)`` of the window, px.
        slope: Exponent of the amplitude spectrum: 0 white, 1 fractal, 2 smooth.
        along: Stretch along ``angle``, at least 1 in practice.
        across: Stretch across it; the same as ``along`` by default.
        angle: Direction of the stretch, radians, in image coordinates (y down).

    Returns:
        Shape ``(H, W)``, float32, of zero mean and unit standard deviation over the window.
    """
    across = along if across is None else across
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    place = rng.uniform(0, _SIDE, 2)
    matrix = np.array(
        [
            [cos / along, sin / along, place[0]],
            [-sin / across, cos / across, place[1]],
        ]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    window = cv2.warpAffine(
        _bank(slope), matrix, shape[::-1], flags=flags, borderMode=cv2.BORDER_WRAP
    )
    return standardize(np.asarray(window, dtype=np.float32))


def standardize(field: Field) -> Field:
    """Return a field moved and scaled to zero mean and unit standard deviation."""
    mean, deviation = cv2.meanStdDev(field)
    return (field - np.float32(mean[0, 0])) * np.float32(1.0 / max(float(deviation[0, 0]), 1e-6))


def grain(rng: np.random.Generator, shape: tuple[int, int]) -> Field:
    """Cut white noise at the scale of the pixel, without interpolation; unit standard deviation."""
    rows = (np.arange(shape[0]) + int(rng.integers(_SIDE))) % _SIDE
    columns = (np.arange(shape[1]) + int(rng.integers(_SIDE))) % _SIDE
    window = _bank(0.0)[rows][:, columns]
    window = window[::-1] if rng.random() < 0.5 else window
    return np.ascontiguousarray(window.T if rng.random() < 0.5 and shape[0] == shape[1] else window)


def blur(field: Field, sigma: float) -> Field:
    """Blur with a Gaussian of ``sigma`` px; below a sixth of a pixel nothing is changed."""
    if sigma < 1 / 6:
        return field
    return np.asarray(cv2.GaussianBlur(field, (0, 0), sigma), dtype=np.float32)


def slow(rng: np.random.Generator, shape: tuple[int, int], waves: float) -> Field:
    """Return a smooth field of about ``waves`` ups and downs over the image, within [-1, 1]."""
    side = 32
    rough = rng.standard_normal((side, side), dtype=np.float32)
    clouds = standardize(blur(rough, side / (4 * max(waves, 0.7))))
    wide = cv2.resize(clouds, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return as_field(np.clip(wide * np.float32(0.5), -1, 1))


def choose(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw log-uniformly from ``[low, high]``: each doubling is as likely as the next."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
