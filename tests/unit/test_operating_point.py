"""From probability to marks; the oracle labels regions by SciPy."""

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from blemish.operating_point import LEVELS, OperatingPoint


def blobs(seed: int, height: int = 48, width: int = 37) -> npt.NDArray[np.float32]:
    """Return a map of smooth hills from 0 to 1."""
    noise = np.random.default_rng(seed).random((height, width), np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.0)
    return np.clip(cv2.normalize(smooth, None, 0, 1, cv2.NORM_MINMAX), 0, 1, dtype=np.float32)


@given(
    seed=st.integers(0, 1000),
    threshold=st.integers(1, 1023).map(lambda k: k / 1024),
    peak=st.integers(0, 1024).map(lambda k: k / 1024),
)
def test_marks_are_those_of_the_oracle(seed: int, threshold: float, peak: float) -> None:
    """Regions from the threshold on, touching corners included, that reach the peak."""
    probability = blobs(seed)
    labels, count = ndimage.label(probability >= threshold, np.ones((3, 3)))
    highest = ndimage.maximum(probability, labels, np.arange(count + 1))
    expected = (labels > 0) & (np.asarray(highest) >= peak)[labels]
    np.testing.assert_array_equal(OperatingPoint(threshold, peak).mark(probability), expected)


@pytest.mark.parametrize("peak", [0.0, 0.3, 0.62, 0.9, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_reach_gives_the_marks_at_every_level(seed: int, peak: float) -> None:
    """One map stands for the marks at all levels."""
    reached = OperatingPoint(0.5, peak).reach(blobs(seed))
    for threshold in LEVELS:
        expected = OperatingPoint(threshold, peak).mark(blobs(seed))
        np.testing.assert_array_equal(reached >= np.float32(threshold), expected)


def test_nothing_sure_is_nothing_marked() -> None:
    """Where no pixel reaches the peak no pixel is marked, however many pass the threshold."""
    point = OperatingPoint(0.5, 0.9)
    unsure = np.full((5, 7), 0.8, np.float32)
    assert not point.mark(unsure).any()
    assert not point.reach(unsure).any()
    assert not point.mark(np.zeros((1, 1), np.float32)).any()


def test_a_peak_below_the_threshold_demands_nothing() -> None:
    """Every pixel from the threshold on is marked."""
    probability = blobs(3)
    np.testing.assert_array_equal(OperatingPoint(0.6, 0.2).mark(probability), probability >= 0.6)
