"""Regions of a mask against scikit-image, and against lines whose length is known."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import label, regionprops

from blemish.defects import LISTED_DEFECTS, measure_defects
from blemish.errors import ShapeError


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), height=st.integers(1, 60), width=st.integers(1, 60))
def test_regions_are_those_of_scikit_image(seed: int, height: int, width: int) -> None:
    """Boxes, areas, centroids and probabilities agree with regionprops, 8-connected."""
    rng = np.random.default_rng(seed)
    probability = rng.random((height, width), dtype=np.float32)
    mask = cv2.blur(probability, (3, 3)) > 0.55
    found, _ = measure_defects(mask, probability)
    expected = regionprops(label(mask, connectivity=2), probability)
    assert len(found) == len(expected)
    assert [d.area_px for d in found] == sorted((d.area_px for d in found), reverse=True)
    by_box = {
        (d.bbox[1], d.bbox[0], d.bbox[1] + d.bbox[3], d.bbox[0] + d.bbox[2], d.area_px): d
        for d in found
    }
    for region in expected:
        defect = by_box[(*region.bbox, int(region.area))]
        assert defect.centroid == pytest.approx(region.centroid[::-1], abs=1e-3)
        assert defect.mean_probability == pytest.approx(float(region.intensity_mean), abs=1e-5)
        assert defect.max_probability == pytest.approx(float(region.intensity_max), abs=1e-6)


@pytest.mark.parametrize("angle", [-80, -45, -22.5, -5, 0, 10, 30, 45, 60, 89])
def test_lines_have_their_length_width_and_direction(angle: float) -> None:
    """A bar of 200 x 9 pixels at any angle is measured to 5 % and to one degree."""
    box = cv2.boxPoints(((200.0, 200.0), (199.0, 8.0), -angle))
    mask = np.zeros((400, 400), np.uint8)
    cv2.fillPoly(mask, [np.round(box).astype(np.int32)], 1)
    ((defect,), _) = measure_defects(mask > 0, mask.astype(np.float32))
    assert defect.length_px == pytest.approx(200, rel=0.05)
    assert defect.width_px == pytest.approx(mask.sum() / 200, rel=0.05)
    assert defect.orientation_deg == pytest.approx(angle, abs=1.0)


def test_a_curved_scratch_is_as_long_as_its_curve() -> None:
    """Half a circle of radius 100 drawn 4 pixels wide is pi x 100 long, not 200."""
    mask = np.zeros((300, 300), np.uint8)
    cv2.ellipse(mask, (150, 150), (100, 100), 0, 0, 180, 1, 4)
    ((defect,), _) = measure_defects(mask > 0, mask.astype(np.float32))
    assert defect.length_px == pytest.approx(np.pi * 100, rel=0.05)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (5, 7), (20, 20)])
def test_upright_rectangles_are_exact(size: tuple[int, int]) -> None:
    """An upright rectangle has exactly its sides."""
    mask = np.zeros((30, 30), bool)
    mask[3 : 3 + size[0], 4 : 4 + size[1]] = True
    ((defect,), _) = measure_defects(mask, mask.astype(np.float32))
    assert (defect.length_px, defect.width_px) == pytest.approx((max(size), min(size)))
    assert defect.bbox == (4, 3, size[1], size[0])


def test_a_disc_is_as_wide_as_long() -> None:
    """A disc has no long axis, and the two sides of a square of its area."""
    mask = np.zeros((99, 99), np.uint8)
    cv2.circle(mask, (49, 49), 30, 1, -1)
    ((defect,), _) = measure_defects(mask > 0, mask.astype(np.float32))
    assert defect.length_px == defect.width_px == pytest.approx(np.sqrt(mask.sum()), abs=1e-3)


def test_the_largest_are_listed_and_all_are_counted() -> None:
    """Beyond the limit defects are counted but not listed."""
    mask = np.zeros((200, 200), bool)
    mask[::3, ::3] = True
    mask[:2, :2] = True
    defects, count = measure_defects(mask, mask.astype(np.float32))
    assert (len(defects), count) == (LISTED_DEFECTS, 67 * 67)
    assert defects[0].area_px == 4


def test_other_shapes_are_refused() -> None:
    """Mask and probability must match."""
    with pytest.raises(ShapeError):
        measure_defects(np.zeros((3, 4), bool), np.zeros((4, 3), np.float32))
