"""Tests of blemish.photographs.bank: the same bytes always, defects on the part alone."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_finetuning import DRAWING

from blemish.config.drawing import Drawing, DrawnWeights
from blemish.errors import DataError
from blemish.photographs.bank import DrawnPhotograph, Photograph, draw_bank


def ground(seed: int, shape: tuple[int, int] = (150, 120)) -> NDArray[np.uint8]:
    """A photograph of ground metal: lines, light from one side, noise."""
    rng = np.random.default_rng(seed)
    lines = cv2.GaussianBlur(rng.normal(0, 30, (1, shape[1])), (0, 0), 1.0).repeat(shape[0], 0)
    light = np.linspace(90, 150, shape[0])[:, None]
    return np.clip(light + lines + rng.normal(0, 3, shape), 0, 255).astype(np.uint8)


def photographs(count: int = 4, **options: object) -> list[Photograph]:
    return [Photograph(f"part_{n}", ground(n), **options) for n in range(count)]  # type: ignore[arg-type]


def only(name: str) -> Drawing:
    weights = dict.fromkeys(DrawnWeights.model_fields, 0.0) | {name: 1.0}
    return DRAWING.model_copy(update={"defects": DrawnWeights(**weights)})


def same(first: Sequence[DrawnPhotograph], second: Sequence[DrawnPhotograph]) -> bool:
    return all(
        np.array_equal(one.image, other.image)
        and np.array_equal(one.instances, other.instances)
        and (one.index, one.source, one.classes) == (other.index, other.source, other.classes)
        for one, other in zip(first, second, strict=True)
    )


def test_bytes_depend_on_seed_and_index_alone() -> None:
    """One process or two, ten images or twenty, any thread count: an index gives the same bytes."""
    set_of_four = photographs()
    alone = list(draw_bank(set_of_four, DRAWING, seed=5, count=20, size=96))
    together = list(draw_bank(set_of_four, DRAWING, seed=5, count=20, size=96, workers=2))
    cv2.setNumThreads(1)
    fewer = list(draw_bank(set_of_four, DRAWING, seed=5, count=10, size=96))
    cv2.setNumThreads(-1)
    assert same(alone, together)
    assert same(alone[:10], fewer)
    other = list(draw_bank(set_of_four, DRAWING, seed=6, count=10, size=96))
    assert not any(
        np.array_equal(one.image, two.image) for one, two in zip(alone, other, strict=False)
    )


def test_outside_the_masks_the_photograph_stays() -> None:
    """Most pixels are those of the photograph, and nothing that shows lies beside a mask."""
    sources = {photograph.name: photograph.plane for photograph in photographs()}
    changed, painted, loud = [], [], 0
    for drawn in draw_bank(photographs(), DRAWING, seed=1, count=24, size=256):
        difference = np.abs(drawn.image.astype(int) - sources[drawn.source])
        near = cv2.dilate(drawn.mask, np.ones((7, 7), np.uint8)) > 0
        loud += int((difference[~near] > 40).sum())
        changed.append(difference[drawn.mask > 0].mean())
        painted.append(float((drawn.mask > 0).mean()))
    assert np.median(changed) > 10
    assert np.median(painted) < 0.3
    assert loud < 0.002 * 24 * 150 * 120


def test_nearly_every_image_shows_a_defect_of_a_named_class() -> None:
    """Instances are numbered from 1 in the order of the classes; few images show nothing."""
    bank = list(draw_bank(photographs(), DRAWING, seed=2, count=40, size=128))
    assert sum(bool(drawn.classes) for drawn in bank) >= 38
    for drawn in bank:
        numbers = set(np.unique(drawn.instances)) - {0}
        assert numbers == set(range(1, len(drawn.classes) + 1))
        assert set(drawn.classes) <= set(DrawnWeights.model_fields)


@pytest.mark.parametrize("name", DrawnWeights.model_fields)
def test_every_defect_can_be_drawn(name: str) -> None:
    """Each defect shows on a photograph in most of a few attempts, and is called by its name."""
    bank = list(draw_bank(photographs(), only(name), seed=3, count=6, size=128))
    assert sum(bool(drawn.classes) for drawn in bank) >= 5
    assert {found for drawn in bank for found in drawn.classes} == {name}


def test_defects_lie_on_the_part_alone() -> None:
    """With a region of interest, given or found, nothing is drawn or painted beside it."""
    part = np.zeros((150, 120), np.bool_)
    part[40:110, 30:75] = True
    plain = [
        Photograph(p.name, np.where(part, p.plane, np.uint8(200)).astype(np.uint8))
        for p in photographs()
    ]
    given = [Photograph(p.name, p.plane, part) for p in plain]
    for region, margin in ((given, 3), (plain, 9)):
        allowed = cv2.dilate(part.view(np.uint8), np.ones((margin, margin), np.uint8)) > 0
        sources = {photograph.name: photograph.plane for photograph in region}
        bank = list(draw_bank(region, DRAWING, seed=4, count=24, size=200))
        for drawn in bank:
            assert not drawn.mask[~allowed].any()
            if region is given:
                assert np.array_equal(drawn.region, part)
                assert not drawn.mask[~part].any()
            else:
                assert drawn.region is None
            difference = np.abs(drawn.image.astype(int) - sources[drawn.source])
            assert (
                difference[~cv2.dilate(allowed.view(np.uint8), np.ones((7, 7))).view(bool)].max()
                <= 2
            )
        assert sum(bool(drawn.classes) for drawn in bank) >= 22


def test_photographs_without_the_part_of_the_others_are_left_out() -> None:
    """Where most show a part before a plain background, one that does not is not drawn on."""
    part = np.zeros((150, 120), np.bool_)
    part[40:110, 30:75] = True
    before_table = [
        Photograph(p.name, np.where(part, p.plane, np.uint8(200)).astype(np.uint8))
        for p in photographs(3)
    ]
    sheet = Photograph("sheet", ground(9))
    bank = draw_bank([*before_table, sheet], only("pit"), seed=1, count=12)
    assert {drawn.source for drawn in bank} == {"part_0", "part_1", "part_2"}


def test_large_photographs_give_windows_at_their_own_scale() -> None:
    """Of a large photograph windows at native scale are drawn on, each at another place."""
    large = [Photograph("sheet", ground(1, (900, 1400)))]
    bank = list(draw_bank(large, only("pit"), seed=1, count=6, size=128))
    assert {drawn.image.shape for drawn in bank} == {(128, 128)}
    grain = [np.abs(np.diff(drawn.image.astype(int), axis=1)).mean() for drawn in bank]
    assert np.mean(grain) == pytest.approx(
        np.abs(np.diff(large[0].plane.astype(int), axis=1)).mean(), rel=0.35
    )
    assert len({drawn.image.tobytes() for drawn in bank}) == 6


def test_photographs_are_used_equally_often() -> None:
    """Of any number of images each photograph gives its share, to within one."""
    bank = draw_bank(photographs(5), only("scratch"), seed=9, count=23, size=64)
    counts = np.unique([drawn.source for drawn in bank], return_counts=True)[1]
    assert sorted(counts) == [4, 4, 5, 5, 5]


@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (17, 17), (64, 250)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_any_shape_and_level(shape: tuple[int, int], level: int) -> None:
    """Tiny, narrow, black and overexposed photographs pass through."""
    blank = [Photograph("blank", np.full(shape, level, np.uint8))]
    for drawn in draw_bank(blank, DRAWING, seed=1, count=4, size=256):
        assert drawn.image.shape == drawn.instances.shape == shape


def test_no_photograph_is_refused() -> None:
    """Without any clean photograph the refusal says what to do."""
    with pytest.raises(DataError, match="--clean"):
        list(draw_bank([], DRAWING, seed=1, count=1))
