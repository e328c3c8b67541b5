"""Tests of blemish.synthesis.scene: images are repeatable, varied, and their masks are true."""

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.synthesis.recipe import recipe

from blemish.damage.defect_classes import DEFECTS
from blemish.damage.surfaces import SURFACES
from blemish.damage.visibility import VISIBLE
from blemish.synthesis.scene import Scene, draw, is_clean

FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def draw_one(index: int, **options: str) -> Scene:
    return draw(11, recipe(), index, **options)


@FEW
@given(seed=st.integers(0, 2**32), index=st.integers(0, 10**6))
def test_same_seed_and_index_same_image(seed: int, index: int) -> None:
    """An image depends on its seed and number alone, not on what was drawn before it."""
    params = recipe(size=96)
    first = draw(seed, params, index)
    draw(seed + 1, params, index + 1)
    second = draw(seed, params, index)
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.mask, second.mask)
    assert first.attributes == second.attributes


def test_thread_count_of_opencv_changes_no_byte() -> None:
    """A worker on one core draws what a process with every core draws."""
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        alone = [draw_one(index) for index in range(12)]
    finally:
        cv2.setNumThreads(threads)
    for index, scene in enumerate(alone):
        assert np.array_equal(scene.image, draw_one(index).image)


def test_images_differ() -> None:
    """Neighbouring numbers and neighbouring seeds share nothing."""
    images = {
        draw(seed, recipe(size=64), index).image.tobytes() for seed in (1, 2) for index in range(20)
    }
    assert len(images) == 40


@pytest.mark.parametrize("defect", DEFECTS)
@pytest.mark.parametrize("surface", SURFACES)
def test_every_surface_carries_every_defect(surface: str, defect: str) -> None:
    """Each pair can be drawn, shows what was asked for, and says so in its class."""
    scene = draw_one(3, surface=surface, defect=defect)
    assert scene.surface == surface
    assert scene.attributes["surface"] == surface
    assert scene.image.dtype == np.uint8
    assert scene.image.shape == scene.mask.shape == (256, 256)
    assert {found.class_name for found in scene.defects} <= {defect}


@pytest.mark.parametrize("defect", DEFECTS)
def test_asked_for_defect_nearly_always_shows(defect: str) -> None:
    """An image that is to hold a defect holds one, whatever its surface."""
    scenes = [draw_one(100 + index, defect=defect) for index in range(24)]
    assert sum(bool(scene.defects) for scene in scenes) >= 22


@pytest.mark.parametrize("size", [64, 65, 100, 160, 256, 500, 1024, 2048])
def test_any_size(size: int) -> None:
    """Images from thumbnails to large sheets are drawn, defects and all."""
    for index in range(3):
        scene = draw(5, recipe(size=size), index)
        assert scene.image.shape == scene.mask.shape == (size, size)
        assert scene.image.std() > 0


def test_rare_combinations_are_drawn_too() -> None:
    """A thousand numbers meet the dark, the narrow and the tilted; none of them fails."""
    params = recipe(size=64)
    for index in range(1000):
        assert draw(2026, params, index).image.shape == (64, 64)


def test_mask_is_the_union_of_its_defects() -> None:
    """What the mask holds belongs to a defect with a class, and nothing else does."""
    for index in range(30):
        scene = draw_one(index)
        union = np.zeros_like(scene.mask)
        for found in scene.defects:
            assert found.class_name in DEFECTS
            assert found.mask.any()
            union |= found.mask
        assert np.array_equal(union, scene.mask)


def test_every_painted_defect_shows() -> None:
    """No mask asks for what cannot be seen: the contrast recorded passes the rule's limit."""
    for index in range(60):
        for found in draw_one(index).defects:
            weight = np.sqrt(np.clip(found.width_px / 3, 0.5, 2.5))
            assert found.contrast_to_noise * weight >= VISIBLE - 0.01
            assert found.width_px > 0


def test_clean_images_are_untouched() -> None:
    """A clean image is the camera's view of the bare part: no change, no mask."""
    params = recipe(clean_share=1.0)
    for index in range(10):
        scene = draw(5, params, index)
        assert not scene.mask.any()
        assert not scene.defects
        assert np.array_equal(scene.seen, scene.clean)


@FEW
@given(share=st.floats(0, 1), count=st.integers(1, 400))
def test_share_of_clean_images_is_exact(share: float, count: int) -> None:
    """Of the first N images, N times the share are clean, to within one."""
    clean = sum(is_clean(index, share) for index in range(count))
    assert abs(clean - share * count) <= 1


def test_defective_images_hold_defects() -> None:
    """The share of images without a mask is the one asked for, to within a few per cent."""
    params = recipe(clean_share=0.35)
    free = np.mean([not draw(9, params, index).defects for index in range(200)])
    assert 0.34 <= free <= 0.40


def test_what_is_painted_changed() -> None:
    """Within the masks the image differs from the clean one by more than around them."""
    for index in range(40):
        scene = draw_one(index)
        if not scene.defects:
            continue
        change = np.abs(scene.seen - scene.clean)
        assert change[scene.mask].mean() > 5 * change[~scene.mask].mean()


def test_visible_change_is_painted() -> None:
    """Where a change stands out of noise and texture, the mask holds it, to a margin of 2 px."""
    missed, visible = 0, 0
    for index in range(120):
        scene = draw_one(index)
        if not scene.defects:
            continue
        loud = np.abs(scene.seen - scene.clean) > np.maximum(4 * scene.noise, 0.35 * scene.clean)
        near = cv2.dilate(scene.mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        visible += int(loud.sum())
        missed += int((loud & ~near).sum())
    assert visible > 0
    assert missed / visible < 0.05


def test_surfaces_left_out_are_not_drawn() -> None:
    """A weight of 0 keeps a surface and a defect out of the set."""
    surfaces = dict.fromkeys(SURFACES, 0.0) | {"milled": 1.0}
    defects = dict.fromkeys(DEFECTS, 0.0) | {"crack": 1.0}
    params = recipe(surfaces=surfaces, defects=defects, size=96)
    scenes = [draw(1, params, index) for index in range(30)]
    assert {scene.surface for scene in scenes} == {"milled"}
    assert {found.class_name for scene in scenes for found in scene.defects} == {"crack"}


def test_defects_are_of_many_sizes() -> None:
    """Defects run from a few pixels to a tenth of the image and more."""
    areas = [int(found.mask.sum()) for index in range(150) for found in draw_one(index).defects]
    assert min(areas) < 40
    assert max(areas) > 6500
