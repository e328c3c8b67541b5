import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blemish import tiling
from blemish.errors import ShapeError

sides = st.integers(1, 150)


def brightness(batch: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """A model that answers with the pixel itself."""
    return batch.astype(np.float32) / 255


@given(sides, sides, st.integers(1, 64), st.data())
def test_tiles_cover_every_pixel_with_the_overlap_asked_for(
    height: int, width: int, tile: int, data: st.DataObject
) -> None:
    """No pixel is left out, no tile leaves a padded image, neighbours share the overlap."""
    overlap = data.draw(st.integers(0, tile // 2))
    covered = np.zeros((max(height, tile), max(width, tile)), int)
    corners = tiling.tiles(height, width, tile, overlap)
    for top, left in corners:
        assert covered[top : top + tile, left : left + tile].shape == (tile, tile)
        covered[top : top + tile, left : left + tile] += 1
    assert covered.min() >= 1
    for starts in ({c[0] for c in corners}, {c[1] for c in corners}):
        assert (np.diff(sorted(starts)) <= tile - overlap).all()


@settings(max_examples=50)
@given(sides, sides, st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_a_model_that_copies_gives_back_the_image(
    height: int, width: int, batch: int, seed: int
) -> None:
    """Cutting, padding and blending change nothing of their own, whatever the size."""
    plane = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    answer = tiling.predict_tiled(plane, brightness, tile=32, batch=batch)
    assert answer.shape == plane.shape
    assert answer.dtype == np.float32
    np.testing.assert_allclose(answer, plane / 255, atol=1e-6)


def test_the_size_of_a_batch_never_changes_a_bit() -> None:
    """Tiles are blended in one order, whether they came one by one or all at once."""
    plane = np.random.default_rng(0).integers(0, 256, (200, 130), dtype=np.uint8)
    answers = [tiling.predict_tiled(plane, brightness, tile=64, batch=n) for n in (1, 3, 100)]
    assert np.array_equal(answers[0], answers[1])
    assert np.array_equal(answers[0], answers[2])


def test_blending_leaves_no_seam() -> None:
    """Two tiles that disagree fade into each other instead of meeting at an edge."""
    corners = tiling.tiles(64, 112, 64, 16)
    parts = iter([np.full((64, 64), value, np.float32) for value in (0.0, 1.0)])
    assert len(corners) == 2
    answer = tiling.stitch(parts, (64, 112), 64, 16)
    assert np.diff(answer[30]).max() < 0.1
    assert answer[30, 0] == 0.0
    assert answer[30, -1] == 1.0


@pytest.mark.parametrize("shape", [(1, 1), (3, 400), (400, 3), (31, 33)])
def test_small_and_thin_images_are_padded_by_reflection(shape: tuple[int, int]) -> None:
    """The model only ever sees whole tiles, and a padded side mirrors what is there."""
    seen: list[tuple[int, ...]] = []

    def model(batch: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        seen.append(batch.shape)
        return brightness(batch)

    plane = np.arange(shape[0] * shape[1], dtype=np.uint8).reshape(shape)
    assert tiling.predict_tiled(plane, model, tile=32).shape == shape
    assert {s[1:] for s in seen} == {(1, 32, 32)}
    padded = tiling.pad_reflect(plane, 32)
    assert np.array_equal(padded, np.pad(plane, [(0, max(0, 32 - s)) for s in shape], "reflect"))


@pytest.mark.parametrize("arguments", [(0, 5, 4, 1), (5, 0, 4, 1), (5, 5, 0, 0), (5, 5, 4, 4)])
def test_impossible_grids_are_refused(arguments: tuple[int, int, int, int]) -> None:
    """No pixel, no tile or an overlap as wide as the tile is a ShapeError."""
    with pytest.raises(ShapeError):
        tiling.tiles(*arguments)


def test_only_uint8_images_are_tiled() -> None:
    """A float or colour image names what came."""
    for bad in (np.zeros((4, 4), np.float32), np.zeros((4, 4, 3), np.uint8)):
        with pytest.raises(ShapeError, match="uint8"):
            tiling.predict_tiled(bad, brightness, tile=4)
