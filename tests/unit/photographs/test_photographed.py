"""Tests of blemish.photographs.photographed: what a photograph says of its camera and its metal."""

import cv2
import numpy as np
import pytest

from blemish.photographs.photographed import (
    estimate_blur,
    estimate_noise,
    photographed,
    smooth_light,
)


@pytest.mark.parametrize("sigma", [0.7, 1.2, 2.0])
def test_blur_of_edges_is_found(sigma: float) -> None:
    """The blur of known edges comes out to within a third of a pixel."""
    plane = np.full((200, 200), 200, np.float32)
    plane[60:140, 50:150] = 80
    blurred = cv2.GaussianBlur(plane, (0, 0), sigma)
    assert estimate_blur(blurred) == pytest.approx(sigma, abs=0.35)


@pytest.mark.parametrize("deviation", [1.0, 4.0, 12.0])
def test_noise_is_found_beside_edges_and_slopes(deviation: float) -> None:
    """Noise of a known deviation comes out to within a tenth, edges and a slope beside it."""
    rng = np.random.default_rng(1)
    plane = np.linspace(60, 160, 256, dtype=np.float32)[None, :].repeat(256, axis=0)
    plane[80:120, 40:200] += 50
    noisy = plane + rng.normal(0, deviation, plane.shape).astype(np.float32)
    assert estimate_noise(noisy) == pytest.approx(deviation, rel=0.1)


def test_light_of_the_part_ignores_the_background() -> None:
    """A white background does not brighten the light at the edge of a dark part."""
    plane = np.full((120, 120), 240, np.float32)
    part = np.zeros((120, 120), np.bool_)
    part[:, 40:80] = True
    plane[part] = 60
    light = smooth_light(plane, part)
    assert np.abs(light[part] - 60).max() < 12
    assert np.abs(smooth_light(plane, None)[part] - 60).max() > 60


def test_lay_is_the_direction_of_the_marks() -> None:
    """Lines that run down the image give a lay that runs down it."""
    rng = np.random.default_rng(2)
    lines = 128 + 20 * rng.standard_normal((1, 200)).repeat(200, axis=0)
    image = np.clip(lines, 0, 255).astype(np.uint8)
    piece = photographed(np.random.default_rng(0), image, None).piece
    assert abs(np.cos(piece.lay)) < 0.1


def test_local_contrast_follows_the_texture() -> None:
    """Contrast is measured where it is: a rough half has more than a smooth one."""
    rng = np.random.default_rng(4)
    image = np.full((128, 128), 120, np.float32)
    image[:, :64] += rng.normal(0, 2, (128, 64))
    image[:, 64:] += rng.normal(0, 20, (128, 64))
    shot = photographed(rng, np.clip(image, 0, 255).astype(np.uint8), None)
    local = shot.piece.local_contrast
    assert local is not None
    assert local[:, 100:].mean() > 4 * local[:, :30].mean()
