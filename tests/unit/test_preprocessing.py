"""The one preprocessing: grey levels, sizes, and the way back to the image as stored."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.transform import downscale_local_mean

from blemish.config.preprocess import Scale
from blemish.errors import ParamsError, ShapeError
from blemish.preprocessing import Resize, Resizing, preprocess_image

SIDES = st.integers(1, 300)
CHOICES = st.one_of(st.just("none"), st.just("fit"), st.builds(Scale, scale=st.floats(0.01, 4.0)))


@given(arrays(np.uint8, (5, 7)))
def test_native_grey_is_untouched(plane: np.ndarray) -> None:
    """Without resizing a grey plane of 8 bit stays what it is."""
    assert np.array_equal(preprocess_image(plane), plane)


@given(arrays(np.uint8, (5, 7)))
def test_depth_and_channels_do_not_matter(plane: np.ndarray) -> None:
    """The same image as 16 bit, as RGB and as opaque RGBA gives the same plane."""
    opaque = np.full_like(plane, 255)
    assert np.array_equal(preprocess_image(plane.astype(np.uint16) * 257), plane)
    assert np.array_equal(preprocess_image(np.dstack([plane] * 3)), plane)
    assert np.array_equal(preprocess_image(np.dstack([plane, plane, plane, opaque])), plane)


@given(arrays(np.uint16, (4, 4)))
def test_16_bit_is_rounded(plane: np.ndarray) -> None:
    """16 bit becomes 8 by rounding v / 257 to the nearest."""
    assert np.array_equal(preprocess_image(plane), np.round(plane / 257).astype(np.uint8))


@given(arrays(np.uint8, (4, 4, 3)))
def test_colour_becomes_luma(image: np.ndarray) -> None:
    """RGB becomes ITU-R BT.601 luma, within half a grey level."""
    luma = image @ np.array([0.299, 0.587, 0.114])
    assert np.abs(preprocess_image(image) - luma).max() <= 0.51


@given(SIDES, SIDES, CHOICES)
def test_a_map_returns_to_the_size_of_its_image(height: int, width: int, choice: Resize) -> None:
    """Whatever the choice, image and instances agree in size and a map comes back."""
    resizing = Resizing(choice)
    target = resizing.target(height, width)
    assert min(target) >= 1
    assert preprocess_image(np.zeros((height, width), np.uint8), resizing).shape == target
    assert resizing.instances(np.zeros((height, width), np.uint16)).shape == target
    restored = resizing.restore(np.full(target, 0.25, np.float32), height, width)
    assert restored.shape == (height, width)
    assert restored == pytest.approx(0.25)


def test_fit_keeps_the_proportions() -> None:
    """The longer side becomes the model's size; an image is never stretched."""
    assert Resizing("fit", 256).target(1000, 500) == (256, 128)
    assert Resizing("fit", 256).target(64, 128) == (128, 256)
    assert preprocess_image(np.zeros((512, 256), np.uint8), Resizing("fit", 64)).shape == (64, 32)


def test_shrinking_averages_areas() -> None:
    """Half scale is the mean of four pixels, as scikit-image has it: thin lines do not vanish."""
    plane = np.random.default_rng(1).integers(0, 256, (40, 60), dtype=np.uint8)
    half = preprocess_image(plane, Resizing(Scale(scale=0.5)))
    assert np.abs(half - downscale_local_mean(plane, (2, 2))).max() <= 0.5


def test_instances_keep_their_numbers() -> None:
    """Resized instance maps hold no number that was not there before."""
    instances = np.zeros((50, 50), np.uint16)
    instances[10:30, 10:30], instances[35:45, 5:45] = 7, 300
    for factor in (0.3, 0.5, 2.0):
        resized = Resizing(Scale(scale=factor)).instances(instances)
        assert set(np.unique(resized)) == {0, 7, 300}


@pytest.mark.parametrize("choice", ["none", "fit", Scale(scale=0.5)])
def test_the_choice_travels_as_json(choice: Resize) -> None:
    """What a model file says of its resizing reads back as the same choice."""
    resizing = Resizing(choice)
    assert Resizing.from_json(resizing.to_json()) == resizing


@pytest.mark.parametrize("text", ["x", '"half"', '{"scale": -1}', '{"factor": 1}', "1", "[]"])
def test_other_choices_are_refused(text: str) -> None:
    """Text that is no choice is quoted in the refusal."""
    with pytest.raises(ParamsError, match="not accepted"):
        Resizing.from_json(text)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.float32),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((0, 4), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((4, 4, 4), np.uint8),
    ],
)
def test_what_is_no_image_is_refused(image: np.ndarray) -> None:
    """Floats, odd channels, nothing, and transparent pixels are refused."""
    with pytest.raises(ShapeError, match="accepted"):
        preprocess_image(image)


def test_a_map_of_another_image_is_refused() -> None:
    """A probability map must have the size that the image was brought to."""
    with pytest.raises(ShapeError, match="not that of an image"):
        Resizing("fit", 64).restore(np.zeros((10, 10), np.float32), 100, 100)
