"""Augmentation: image and mask move together, and nothing is drawn but from the generator."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blemish.augmentation import change_exposure, cut_crop, draw_view
from blemish.config.learning import Augmentation

NEVER = {"turn": 1, "warp": 0, "tone": 0, "invert": 0, "shade": 0, "blur": 0, "noise": 0, "jpeg": 0}


def params(**changes: float) -> Augmentation:
    return Augmentation(**{**NEVER, "zoom": (0.5, 2.0), **changes})


def crop_of(seed: int, plane: np.ndarray, size: int, **changes: float) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    height, width = plane.shape
    view = draw_view(rng, (width / 2, height / 2), size, params(**changes))
    return cut_crop(view, plane, np.where(plane > 128, 255, 0).astype(np.uint8), size)


@given(seed=st.integers(0, 10_000))
def test_unwarped_crops_hold_pixels_of_the_image_itself(seed: int) -> None:
    """Without warping a crop is one of the eight turns of a window: no pixel is resampled."""
    rng = np.random.default_rng(1)
    plane = rng.integers(0, 256, (96, 96), dtype=np.uint8)
    crop, _ = crop_of(seed, plane, 64)
    windows = {plane[y : y + 64, x : x + 64].tobytes() for y in (15, 16, 17) for x in (15, 16, 17)}
    turns = [np.rot90(side, k).tobytes() for side in (crop, crop[:, ::-1]) for k in range(4)]
    assert windows.intersection(turns)


@given(seed=st.integers(0, 10_000))
def test_without_turns_the_lay_keeps_its_direction(seed: int) -> None:
    """Without right angles a crop is mirrored or upside down at most: vertical stays vertical."""
    plane = np.random.default_rng(1).integers(0, 256, (96, 96), dtype=np.uint8)
    crop, _ = crop_of(seed, plane, 64, turn=0)
    windows = {plane[y : y + 64, x : x + 64].tobytes() for y in (15, 16, 17) for x in (15, 16, 17)}
    flips = [crop, crop[::-1], crop[:, ::-1], crop[::-1, ::-1]]
    assert windows.intersection(flip.tobytes() for flip in flips)


@given(seed=st.integers(0, 10_000), warp=st.sampled_from([0.0, 1.0]))
def test_mask_follows_the_image(seed: int, warp: float) -> None:
    """A bright blob and its mask stay together through any view, but for the blob's rim."""
    yy, xx = np.mgrid[:128, :128]
    blob = np.hypot(yy - 60, xx - 70) < 25
    plane = np.where(blob, 255, 0).astype(np.uint8)
    crop, mask = crop_of(seed, plane, 96, warp=warp)
    assert set(np.unique(mask)) <= {0, 1}
    np.testing.assert_array_equal(crop > 127, mask == 1)


def test_zoom_enlarges() -> None:
    """At magnification 2 a square of 100 pixels covers about 400."""
    plane = np.zeros((128, 128), np.uint8)
    plane[59:69, 59:69] = 255
    rng = np.random.default_rng(0)
    view = draw_view(rng, (63.5, 63.5), 64, params(warp=1.0, zoom=(2.0, 2.0)))
    _, mask = cut_crop(view, plane, plane, 64)
    assert mask.sum() == pytest.approx(400, rel=0.1)


@pytest.mark.parametrize("change", ["tone", "invert", "shade", "blur", "noise", "jpeg"])
def test_each_exposure_changes_levels_and_keeps_shape(change: str) -> None:
    """Every change yields uint8 of the same size, and leaves its input alone."""
    plane = np.random.default_rng(2).integers(60, 200, (64, 64), dtype=np.uint8)
    before = plane.copy()
    changed = change_exposure(np.random.default_rng(3), plane, params(**{change: 1.0}))
    assert changed.dtype == np.uint8
    assert changed.shape == plane.shape
    assert not np.array_equal(changed, before)
    np.testing.assert_array_equal(plane, before)


def test_nothing_asked_for_changes_nothing() -> None:
    """With all shares at 0 the levels come through untouched."""
    plane = np.random.default_rng(2).integers(0, 256, (64, 64), dtype=np.uint8)
    np.testing.assert_array_equal(change_exposure(np.random.default_rng(3), plane, params()), plane)


def test_same_generator_same_bytes() -> None:
    """A crop depends on its generator alone."""
    plane = np.random.default_rng(2).integers(0, 256, (64, 64), dtype=np.uint8)
    every = params(tone=1, invert=1, shade=1, blur=1, noise=1, jpeg=1)
    first, second = (change_exposure(np.random.default_rng(9), plane, every) for _ in range(2))
    np.testing.assert_array_equal(first, second)
