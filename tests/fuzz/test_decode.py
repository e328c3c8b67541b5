"""Whatever the bytes are, the decoder gives a plane or a typed refusal, soon and in silence."""

import io
import random
from collections.abc import Iterator

import numpy as np
import pytest
import tifffile
from faulty_images import encode, grey, same_image, scans, tiff
from fuzzing import fuzz, fuzz_for_minutes
from lossless import by_hand, by_opencv, by_pillow, by_tifffile
from PIL import Image

from blemish.errors import ImageError
from blemish.imaging import Limits, decode_image

LIMITS = Limits(megabytes=1, megapixels=1, side=4_096)


@pytest.fixture(scope="module")
def seeds() -> list[bytes]:
    """Images of all formats, by all writers."""
    return [data for data in _seeds() if len(data) < 100_000]


def _seeds() -> Iterator[bytes]:
    rng = np.random.default_rng(0)
    choices = random.Random(0)  # noqa: S311 - as above, the same each time
    for bits, shape in ((8, (9, 11)), (8, (9, 11, 3)), (12, (9, 11)), (12, (9, 11, 3))):
        samples = rng.integers(0, 2**bits, shape).astype(np.uint16)
        yield from (data for _, data, _ in by_pillow(samples, bits))
        yield from (data for _, data, _ in by_opencv(samples, bits))
        for _ in range(5):
            found = by_tifffile(samples, bits, lambda _, values: choices.choice(values))
            yield from (data for _, data, _ in found)
        if bits > 8:
            yield from (data for _, data, _ in by_hand(samples, bits))
    yield from (data for _, data in same_image())
    colour = Image.fromarray(grey()).convert("RGB")
    for options in ({}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_blocks": 2}):
        yield encode(colour, "JPEG", **options)
    yield encode(grey(), "JPEG")
    yield encode(colour, "WEBP")
    yield scans(20)
    yield tiff()
    for compression in ("group3", "group4", "tiff_ccitt"):
        yield encode(Image.fromarray(grey()).convert("1"), "TIFF", compression=compression)
    for photometric in ("rgb", "ycbcr"):
        stream = io.BytesIO()
        options = {"photometric": photometric, "compression": "jpeg", "tile": (32, 32)}
        tifffile.imwrite(stream, np.asarray(colour), **options)
        yield stream.getvalue()


def _check(data: bytes, rng: random.Random) -> None:
    bits = rng.choice((None, None, None, 8, 12, 16))
    try:
        decoded = decode_image(data, LIMITS, bits)
    except ImageError:
        return
    assert decoded.plane.shape == (decoded.height, decoded.width)
    assert decoded.plane.dtype == np.uint8
    assert decoded.width * decoded.height <= LIMITS.megapixels * 1_000_000


def test_every_seed_is_read(seeds: list[bytes]) -> None:
    """The fuzzer starts from images that the decoder accepts."""
    for data in seeds:
        decode_image(data, LIMITS)


def test_mutated_images_for_seconds(seeds: list[bytes], capfd: pytest.CaptureFixture[str]) -> None:
    """Some thousand mutated images; no library prints anything either."""
    report = fuzz(seeds, _check, seed=17, cases=3_000)
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")
    assert report.slowest_s < 5.0


@pytest.mark.drill
@pytest.mark.timeout(4000)
def test_mutated_images_for_minutes(seeds: list[bytes]) -> None:
    """As many mutated images as fit into five minutes, by a seed of the day; it is printed."""
    fuzz_for_minutes("image decoder", seeds, _check)
