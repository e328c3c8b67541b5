"""Lossless encodings of the same samples decode to equal bytes; lossy ones within a tolerance."""

from collections.abc import Iterator

import lossy
import numpy as np
import numpy.typing as npt
from hypothesis import given, note, settings
from hypothesis import strategies as st
from lossless import Encoding, by_hand, by_opencv, by_pillow, by_tifffile, expected

from blemish.imaging import decode_image


@st.composite
def images(draw: st.DrawFn) -> tuple[npt.NDArray[np.uint16], int]:
    """Draw samples, grey or colour, noisy or smooth, and their depth."""
    bits = draw(st.integers(8, 16))
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    shape = (height, width, 3) if draw(st.booleans()) else (height, width)
    brightest = draw(st.integers(0, 2**bits - 1))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    samples = rng.integers(0, brightest + 1, shape)
    if draw(st.booleans()):
        samples = np.sort(samples, axis=1)
    return samples.astype(np.uint16), bits


def _encodings(
    samples: npt.NDArray[np.uint16], bits: int, data: st.DataObject
) -> Iterator[Encoding]:
    def choose(name: str, values: list[object]) -> object:
        return data.draw(st.sampled_from(values), label=name)

    yield from by_tifffile(samples, bits, choose)
    yield from by_pillow(samples, bits)
    yield from by_opencv(samples, bits)
    if bits > 8:
        yield from by_hand(samples, bits)


@settings(max_examples=12, deadline=None)
@given(image=images(), data=st.data())
def test_encodings_decode_alike(
    image: tuple[npt.NDArray[np.uint16], int], data: st.DataObject
) -> None:
    """Every format, plane order, byte order, compression and colour type gives the same plane."""
    samples, bits = image
    plane = expected(samples, bits)
    for name, encoded, given_bits in _encodings(samples, bits, data):
        note(name)
        decoded = decode_image(encoded, bits=given_bits)
        np.testing.assert_array_equal(decoded.plane, plane, err_msg=name)
        assert decoded.bits == bits


LEVELS = 1
"""Grey level by which two decoders of one lossy file may differ in a pixel (docs, images.md)."""


@settings(max_examples=20, deadline=None)
@given(image=images(), data=st.data())
def test_lossy_encodings_stay_within_the_stated_tolerance(
    image: tuple[npt.NDArray[np.uint16], int], data: st.DataObject
) -> None:
    """Each pixel is that of other decoders but for one level; grey JPEG keeps its own bound."""
    samples, bits = image
    stored = (samples >> (bits - 8)).astype(np.uint8)

    def choose(name: str, values: list[object]) -> object:
        return data.draw(st.sampled_from(values), label=name)

    for write in (lossy.by_pillow, lossy.by_opencv, lossy.by_tifffile):
        for name, encoded in write(stored, choose):
            note(f"{write.__name__} {name}")
            plane = decode_image(encoded).plane.astype(int)
            for reader, other in lossy.read_by_others(encoded):
                assert np.abs(plane - other).max() <= LEVELS, reader
            if name.startswith("JPEG") and stored.ndim == 2:
                error = np.sqrt(np.mean((plane - stored.astype(int)) ** 2))
                assert error <= lossy.quantization_error(encoded, stored.shape)
