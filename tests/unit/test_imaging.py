"""The image decoder: what it accepts, what it refuses, and that it never does anything else."""

import resource
import time
import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from faulty_images import CASES, encode, grey, same_image
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from blemish.config.serve import Serve
from blemish.errors import ImageContentError, ImageError, ImageSizeError
from blemish.imaging import Limits, decode_image, pixels_by_header

SEEDS = [data for _, data in same_image()] + [encode(grey(), "JPEG")]


@pytest.mark.parametrize("name", CASES)
def test_refuses_by_its_type(name: str) -> None:
    """Each faulty image raises its own error, in one sentence that ends with a full stop."""
    expected, make = CASES[name]
    with pytest.raises(ImageError) as caught:
        decode_image(make())
    assert type(caught.value) is expected
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    "name",
    [
        "bomb of 16,000 square",
        "claims 30,000 square",
        "JPEG of a million segments",
        "JPEG of a million lone markers",
        "TIFF of a million values a tag",
        "TIFF whose tile is a bomb",
        "TIFF whose tiles are a bomb",
    ],
)
def test_refuses_bombs_from_the_header(name: str) -> None:
    """A bomb is refused without the time and memory that its pixels or its values would need."""
    expected, make = CASES[name]
    data = make()
    tracemalloc.start()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.process_time()
    pixels_by_header(data)
    with pytest.raises(expected):
        decode_image(data)
    assert time.process_time() - begin < 1.0
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert grown < 20_000
    assert peak < 4_000_000


@pytest.mark.parametrize(("name", "data"), [*same_image()], ids=lambda value: str(value)[:20])
def test_reads_every_form_of_one_image_alike(name: str, data: bytes) -> None:
    """Grey, colour, palette, opaque alpha, 16 bit and all formats give the same plane."""
    decoded = decode_image(data)
    assert pixels_by_header(data) == grey().size
    assert decoded.format == name.split(maxsplit=1)[0].upper()
    assert (decoded.height, decoded.width) == grey().shape
    np.testing.assert_array_equal(decoded.plane, grey())


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_ignores_orientation(form: str, orientation: int) -> None:
    """The plane is that of the image as stored, whatever its tag says."""
    exif = Image.Exif()
    exif[274] = orientation
    options = {"quality": 100} if form == "JPEG" else {"lossless": True} if form == "WEBP" else {}
    colour = Image.fromarray(grey()).convert("RGB")
    plain = decode_image(encode(colour, form, **options)).plane
    turned = decode_image(encode(colour, form, exif=exif, **options)).plane
    np.testing.assert_array_equal(turned, plain)


@pytest.mark.parametrize("byte_order", "<>")
@pytest.mark.parametrize("channels", [1, 3])
def test_reads_deep_tiff(byte_order: str, channels: int, tmp_path: Path) -> None:
    """16 bits become 8 by round(v / 257), in both byte orders, turned or not."""
    deep = np.random.default_rng(0).integers(0, 65536, (20, 30), dtype=np.uint16)
    values = deep if channels == 1 else np.dstack([deep] * 3)
    photometric = "minisblack" if channels == 1 else "rgb"
    tags = [(274, 3, 1, 6, True)]
    path = tmp_path / "deep.tif"
    tifffile.imwrite(path, values, photometric=photometric, byteorder=byte_order, extratags=tags)
    plane = decode_image(path.read_bytes()).plane
    np.testing.assert_array_equal(plane, np.round(deep / 257).astype(np.uint8))


@pytest.mark.parametrize("bits", range(8, 17))
def test_scales_by_the_depth_given(bits: int) -> None:
    """Samples of a 16-bit file that declares no depth are scaled by the depth of the camera."""
    most = (1 << bits) - 1
    samples = np.random.default_rng(bits).integers(0, most + 1, (20, 30), dtype=np.uint16)
    decoded = decode_image(encode(samples), bits=bits)
    np.testing.assert_array_equal(decoded.plane, np.round(samples / (most / 255)).astype(np.uint8))
    assert (decoded.bits, decoded.warnings) == (bits, ())


@pytest.mark.parametrize(
    ("samples", "bits"),
    [
        (np.full((4, 4), 4096, np.uint16), 12),
        (np.full((4, 4), 200, np.uint8), 12),
        (np.full((4, 4), 200, np.uint16), 7),
        (np.full((4, 4), 200, np.uint16), 17),
    ],
    ids=["a brighter sample", "an 8-bit file", "too few", "too many"],
)
def test_a_depth_that_contradicts_is_refused(samples: np.ndarray, bits: int) -> None:
    """A depth that the file or its samples contradict, or that no camera has, is refused."""
    with pytest.raises(ImageContentError, match=f"bits={bits} was given"):
        decode_image(encode(samples), bits=bits)


@pytest.mark.parametrize(("brightest", "warned"), [(4095, True), (32767, True), (32768, False)])
def test_unused_top_bits_are_said(brightest: int, warned: bool) -> None:  # noqa: FBT001
    """A 16-bit image whose top bits are never used carries a warning that names the depth."""
    warnings = decode_image(encode(np.full((4, 4), brightest, np.uint16))).warnings
    assert bool(warnings) == warned
    assert all(f"bits={brightest.bit_length()}" in warning for warning in warnings)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_reads_ink_as_dark(depth: type, tmp_path: Path) -> None:
    """A TIFF whose zero is white comes out with its light and dark as seen."""
    top = np.iinfo(depth).max
    values = (grey().astype(np.uint32) * (top // 255)).astype(depth)
    path = tmp_path / "ink.tif"
    tifffile.imwrite(path, top - values, photometric="miniswhite")
    np.testing.assert_array_equal(decode_image(path.read_bytes()).plane, grey())


def test_weighs_colours_by_luma() -> None:
    """Colour becomes grey by the weights of BT.601, as OpenCV has them, to one level."""
    colour = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    expected = cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY).astype(int)
    assert np.abs(decode_image(encode(colour)).plane.astype(int) - expected).max() <= 1


def test_takes_its_limits_from_params() -> None:
    """The limits of the serve block are those of the decoder, each with its own refusal."""
    limits = Limits.of(Serve(megabytes=1, megapixels=1, side=100))
    assert decode_image(encode(grey()), limits).width == 64
    with pytest.raises(ImageSizeError, match="no side longer than 100"):
        decode_image(encode(np.zeros((101, 4), np.uint8)), limits)
    with pytest.raises(ImageSizeError, match="at most 1 MB"):
        decode_image(bytes(1_000_001), limits)


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_bytes_give_a_plane_or_a_refusal(data: st.DataObject) -> None:
    """Images with bytes changed, cut out or put in never raise anything but a refusal."""
    image = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(image)))
        end = position + data.draw(st.integers(0, 8))
        image[position:end] = data.draw(st.binary(max_size=8))
    try:
        decoded = decode_image(bytes(image))
    except ImageError:
        return
    assert decoded.plane.shape == (decoded.height, decoded.width)
    assert decoded.plane.dtype == np.uint8


def test_every_case_is_met() -> None:
    """The table of faulty images holds one for each kind of refusal."""
    assert {kind for kind, _ in CASES.values()} == set(ImageError.__subclasses__())
