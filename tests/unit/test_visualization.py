import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from blemish import visualization as vis
from blemish.errors import ShapeError


def test_heatmap_brightens_with_probability() -> None:
    """A higher probability is never shown darker, in RGB order: the hot end is yellow, not blue."""
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[None]
    image = vis.create_heatmap(ramp)
    assert image.shape == (1, 256, 3)
    assert image.dtype == np.uint8
    luma = image[0] @ np.array([0.299, 0.587, 0.114])
    assert (np.diff(luma) > -1.0).all()
    assert luma[-1] - luma[0] > 200
    red, _, blue = image[0, 200].astype(int)
    assert red > blue


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((2, 2), np.uint8),
        np.zeros((2, 2, 1), np.float32),
        np.zeros((0, 2), np.float32),
        np.full((2, 2), np.nan, np.float32),
    ],
)
def test_heatmap_refuses_what_is_no_probability_map(bad: npt.NDArray[np.float32]) -> None:
    """Another type or shape, no pixel, or NaN is a ShapeError rather than a wrong image."""
    with pytest.raises(ShapeError):
        vis.create_heatmap(bad)


def test_overlay_paints_found_false_and_missed_in_three_colours() -> None:
    """Each kind of pixel gets its own colour, and the rest of the image stays as it was."""
    plane = np.full((1, 4), 100, np.uint8)
    predicted = np.array([[True, True, False, False]])
    truth = np.array([[True, False, True, False]])
    image = vis.overlay_truth(plane, predicted, truth, opacity=1.0)
    assert image[0].tolist() == [
        list(vis.TRUE_POSITIVE),
        list(vis.FALSE_POSITIVE),
        list(vis.FALSE_NEGATIVE),
        [100, 100, 100],
    ]
    assert (plane == 100).all()


def test_outline_leaves_the_defect_itself_visible() -> None:
    """The line runs around the mask, so a one-pixel scratch is not painted over."""
    plane = np.full((20, 20), 50, np.uint8)
    mask = np.zeros((20, 20), bool)
    mask[10, 4:16] = True
    image = vis.overlay_outline(plane, mask)
    assert (image[mask] == 50).all()
    assert tuple(image[9, 10]) == vis.OUTLINE
    assert tuple(image[0, 0]) == (50, 50, 50)


@pytest.mark.parametrize("function", [vis.overlay_outline, lambda p, m: vis.overlay_truth(p, m, m)])
def test_overlays_refuse_a_mask_of_another_shape_or_type(function: Callable[..., object]) -> None:
    """A mask that does not fit the image names both shapes."""
    plane = np.zeros((4, 4), np.uint8)
    with pytest.raises(ShapeError, match=r"\(4, 4\).*\(4, 5\)"):
        function(plane, np.zeros((4, 5), bool))
    with pytest.raises(ShapeError, match="uint8"):
        function(plane, np.zeros((4, 4), np.uint8))
    with pytest.raises(ShapeError):
        function(plane.astype(np.float32), np.zeros((4, 4), bool))


def test_panes_stand_beside_each_other() -> None:
    """Grey and RGB panes keep their pixels, with a white gap between them."""
    grey = np.full((5, 3), 7, np.uint8)
    image = vis.side_by_side([grey, vis.create_heatmap(np.ones((5, 6), np.float32))])
    assert image.shape == (5, 3 + 4 + 6, 3)
    assert (image[:, :3] == 7).all()
    assert (image[:, 3:7] == 255).all()
    with pytest.raises(ShapeError):
        vis.side_by_side([grey, grey[:4]])
    with pytest.raises(ShapeError):
        vis.side_by_side([])


@given(
    hnp.arrays(
        np.uint8,
        st.one_of(
            st.tuples(st.integers(1, 9), st.integers(1, 9)),
            st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)),
        ),
    )
)
def test_png_keeps_every_pixel(array: npt.NDArray[np.uint8]) -> None:
    """Another decoder, Pillow's, reads back the same pixels in the same channel order."""
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(vis.encode_png(array)))), array)


def test_png_of_a_mask_is_0_and_255() -> None:
    """A bool mask becomes black and white; other types are refused."""
    mask = np.array([[True, False]])
    assert np.asarray(Image.open(io.BytesIO(vis.encode_png(mask)))).tolist() == [[255, 0]]
    for bad in (np.zeros((2, 2), np.float32), np.zeros((2, 2, 4), np.uint8), mask[:0]):
        with pytest.raises(ShapeError):
            vis.encode_png(bad)
