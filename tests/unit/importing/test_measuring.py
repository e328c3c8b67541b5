"""Width and contrast of marked defects, on drawn ones of which both are known."""

import numpy as np
import pytest

from blemish.importing.measuring import measure_defect

SIZE = (80, 120)


def surface(noise: float, slope: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(3)
    return 120 + rng.normal(0, noise, SIZE) + slope * np.arange(SIZE[1])


def line(width: int) -> np.ndarray:
    region = np.zeros(SIZE, bool)
    region[30 : 30 + width, 20:100] = True
    return region


@pytest.mark.parametrize("width", [1, 2, 3, 5, 9])
def test_width_of_a_line_is_its_width(width: int) -> None:
    """A straight line of so many pixels is so wide, within one."""
    region = line(width)
    seen = measure_defect(surface(2).astype(np.uint8), region, region)
    assert seen.width_px == pytest.approx(width, abs=1)


@pytest.mark.parametrize("contrast", [2.0, 5.0, 12.0])
@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("slope", [0.0, 0.5])
def test_contrast_is_in_units_of_the_noise(contrast: float, sign: int, slope: float) -> None:
    """Dark or bright, also under uneven light, contrast to noise is what was drawn."""
    region = line(4)
    plane = surface(4, slope) + sign * contrast * 4 * region
    seen = measure_defect(plane.clip(0, 255).astype(np.uint8), region, region)
    assert seen.contrast_to_noise == pytest.approx(contrast, rel=0.15)


def test_another_defect_is_no_surface() -> None:
    """What else is marked around a defect does not count as noise."""
    region, other = line(4), np.zeros(SIZE, bool)
    other[36:40] = True
    plane = (surface(4) + 40 * region + 90 * other).astype(np.uint8)
    alone = measure_defect(plane, region, region | other)
    assert alone.contrast_to_noise == pytest.approx(10, rel=0.2)


def test_contrast_is_unknown_without_surface() -> None:
    """Where a defect fills the image there is nothing to compare it with."""
    region = np.ones(SIZE, bool)
    seen = measure_defect(surface(4).astype(np.uint8), region, region)
    assert seen.contrast_to_noise is None
    assert seen.width_px > 20
