"""Statistics of images: right on images whose numbers are known, small, and stable."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from blemish.errors import ShapeError
from blemish.image_statistics import (
    NAMES,
    as_numbers,
    image_statistics,
    summarise,
)


def noise(size: int = 128, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size, size), dtype=np.uint8)


def test_brightness_contrast_and_sharpness_are_numpy_s() -> None:
    """The numbers equal what NumPy and SciPy compute."""
    plane = noise()
    numbers = image_statistics(plane)
    assert numbers.brightness == pytest.approx(plane.mean() / 255)
    assert numbers.contrast == pytest.approx(plane.std() / 255)
    laplacian = ndimage.laplace(plane.astype(np.int64), mode="mirror")
    assert numbers.sharpness == pytest.approx(np.sqrt((laplacian**2).mean()) / 255)


@pytest.mark.parametrize(("frequency", "band"), [(1 / 32, 1), (1 / 12, 2), (1 / 6, 3), (0.4, 4)])
@pytest.mark.parametrize("size", [96, 256, 700])
def test_a_wave_is_in_its_band(frequency: float, band: int, size: int) -> None:
    """A sine of known pitch puts nearly all power into the band of its frequency."""
    wave = 128 + 100 * np.sin(2 * np.pi * frequency * np.arange(size))
    numbers = as_numbers(image_statistics(np.tile(wave, (size, 1)).astype(np.uint8)))
    assert numbers[f"spectrum_{band}"] > np.log10(0.9)


@settings(max_examples=50)
@given(arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40))))
def test_every_image_has_finite_figures(plane: np.ndarray) -> None:
    """One pixel, a flat image, anything: finite numbers in their ranges."""
    numbers = as_numbers(image_statistics(plane))
    assert all(np.isfinite(value) for value in numbers.values())
    assert all(-6 <= numbers[name] <= 0 for name in NAMES if name.startswith("spectrum"))


def test_colour_and_floats_are_refused() -> None:
    """Only a uint8 plane is measured."""
    with pytest.raises(ShapeError, match="uint8 plane"):
        image_statistics(np.zeros((4, 4, 3), np.uint8))


def test_a_summary_counts_every_image_once() -> None:
    """Histogram counts add up, edges rise, quantiles run from least to most."""
    statistics = [image_statistics(noise(32, seed)) for seed in range(57)]
    for number in summarise(statistics).values():
        assert sum(number["counts"]) == 57
        assert len(number["counts"]) == len(number["edges"]) + 1
        assert number["edges"] == sorted(set(number["edges"]))
        assert number["quantiles"] == sorted(number["quantiles"])


def test_equal_images_make_a_valid_summary() -> None:
    """A set of one image repeated has one edge and keeps all its counts."""
    summary = summarise([image_statistics(noise())] * 20)
    assert summary["brightness"]["counts"] == [0, 20]
    assert summary["brightness"]["std"] == 0
