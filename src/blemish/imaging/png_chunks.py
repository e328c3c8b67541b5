"""PNG (W3C PNG, third edition): every chunk is walked, and the vetted ones go to the decoder."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from blemish.errors import ImageContentError, ImageTypeError
from blemish.imaging import pillow
from blemish.imaging.image_limits import ACCEPTED, Limits, corrupt
from blemish.imaging.png_deep import decode_deep
from blemish.imaging.samples import Samples, check_opaque, transparent

_MAGIC = b"\x89PNG\r\n\x1a\n"
_COMPRESSED_TEXT = (b"zTXt", b"iTXt", b"iCCP")
_TEXT_LIMIT = 4 << 20  # bytes in all; colour profiles of printers have about 2 MB
_MOST_CHUNKS = 1_000
_SHORTEST_DATA = 4_096  # bytes; libpng writes image data in chunks of 8,192
# Section 5.6: only one of each; section 11.3 for tRNS and sBIT
_CRITICAL = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
_ONCE = (b"IHDR", b"PLTE", b"tRNS", b"sBIT")
_RGB, _PALETTE, _ALPHA = 2, 3, 4  # colour types, section 11.2.1
_DEEP = 16
_OPAQUE = 65_535
_DEEP_COLOURS = (2, 4, 6)  # those whose lower 8 of 16 bits Pillow drops
_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}


@dataclass
class _Walk:
    """What the chunks hold."""

    parts: list[bytes | memoryview] = field(default_factory=lambda: [_MAGIC])
    """The file without what the decoder does not need."""
    pixels: list[memoryview] = field(default_factory=list)
    """The bodies of the IDAT chunks."""
    once: dict[bytes, bytes] = field(default_factory=dict)
    data_chunks: int = 0
    other_chunks: int = 0
    unpacked: int = 0
    """Bytes of text and profiles."""


def read_size(data: bytes) -> tuple[int, int]:
    """Return width and height by the header."""
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def read(data: bytes, limits: Limits) -> Samples:
    """Read a PNG; significant bits that it declares (sBIT) are the depth of its samples."""
    if data[12:16] != b"IHDR":
        raise corrupt("PNG", "it has no IHDR chunk")
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    limits.check(width, height)
    walk = _walk(data, keyed=depth < _DEEP)
    if colour == _PALETTE and b"PLTE" not in walk.once:
        raise corrupt("PNG", "it uses a palette and has none (no PLTE chunk before its data)")
    if depth != _DEEP or colour not in _DEEP_COLOURS:
        samples = pillow.samples_of(pillow.load("PNG", b"".join(walk.parts), (width, height)))
        if depth != _DEEP:
            return samples
        stored = samples.values
    else:
        channels = _CHANNELS[colour]
        pixels = b"".join(walk.pixels)
        deep = decode_deep(pixels, width, height, channels, interlaced=bool(interlaced))
        if colour & _ALPHA:
            check_opaque(deep[..., -1], _OPAQUE)
        stored = deep[..., 0] if channels == 2 else np.ascontiguousarray(deep[..., :3])
    if key := walk.once.get(b"tRNS"):
        _check_key(stored, key)
    return _deep_samples(stored, _declared_bits(walk.once.get(b"sBIT"), colour))


def _walk(data: bytes, *, keyed: bool) -> _Walk:
    """Look at each chunk, up to an IEND that ends the file.

    Args:
        data: The file.
        keyed: The decoder looks at transparency itself.
    """
    walk = _Walk()
    for kind, body, whole in _chunks(data):
        walk.data_chunks += kind == b"IDAT"
        walk.other_chunks += kind != b"IDAT"
        _check_count(walk, len(data))
        if kind == b"acTL":
            raise ImageTypeError(f"An animated PNG; accepted: {ACCEPTED}.")
        if kind in _ONCE:
            if kind in walk.once or (walk.data_chunks and kind != b"tRNS"):
                raise corrupt("PNG", f"it has a {kind.decode()} chunk where none is accepted")
            walk.once[kind] = bytes(body)
        elif kind in _COMPRESSED_TEXT:
            _unpack_text(walk, kind, bytes(body))
        if kind == b"IDAT":
            walk.pixels.append(body)
        if kind in _CRITICAL or (keyed and kind == b"tRNS"):
            walk.parts.append(whole)
    return walk


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, memoryview]]:
    """Yield each chunk's kind, its body, and all of it; the checksum is verified."""
    view = memoryview(data)
    position, kind = len(_MAGIC), b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        (checksum,) = struct.unpack_from(">I", data, end)
        if zlib.crc32(view[position + 4 : end]) != checksum:
            raise corrupt("PNG", f"the checksum of its {kind!r} chunk is wrong")
        yield kind, view[position + 8 : end], view[position : end + 4]
        position = end + 4
    if position != len(data):
        raise corrupt("PNG", f"{len(data) - position} bytes follow its end")


def _check_count(walk: _Walk, size: int) -> None:
    """Refuse more chunks than a writer makes: each costs time, whatever it holds."""
    most_data = _MOST_CHUNKS + size // _SHORTEST_DATA
    if walk.other_chunks > _MOST_CHUNKS or walk.data_chunks > most_data:
        raise ImageContentError(
            f"The PNG has more than {_MOST_CHUNKS} chunks, or {most_data} of image data; "
            "save the image again, without its comments."
        )


def _unpack_text(walk: _Walk, kind: bytes, body: bytes) -> None:
    """Refuse compressed texts and profiles that unpack to more than any image needs, in all."""
    stream = body[body.find(b"\0") + 1 :]
    if kind == b"iTXt":
        if stream[:1] != b"\1":  # not compressed
            return
        stream = stream[1:].split(b"\0", 2)[-1]
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(stream[1:], _TEXT_LIMIT - walk.unpacked + 1)
    except zlib.error:
        return  # a text is not the image, and the decoder never sees it
    walk.unpacked += len(text)
    if walk.unpacked > _TEXT_LIMIT:
        raise ImageContentError(
            f"The texts and profiles of the PNG, {kind.decode()} among them, unpack to over "
            f"{_TEXT_LIMIT >> 20} MB; save the image without its comments."
        )


def _check_key(stored: npt.NDArray[Any], key: bytes) -> None:
    """Refuse samples of the one colour that is transparent."""
    levels = np.frombuffer(key[: len(key) // 2 * 2], ">u2")
    if len(levels) != (3 if stored.ndim == 3 else 1):
        raise corrupt("PNG", f"its tRNS chunk has {len(key)} bytes")
    same = stored == levels
    if bool((same.all(axis=2) if stored.ndim == 3 else same).any()):
        raise transparent()


def _declared_bits(significant: bytes | None, colour: int) -> int | None:
    """Return the depth that an sBIT chunk declares for grey or colour, alpha aside."""
    if significant is None:
        return None
    depths = set(significant[: 3 if colour & _RGB else 1])
    if len(significant) != _CHANNELS[colour] or not all(1 <= b <= _DEEP for b in significant):
        raise corrupt("PNG", f"its sBIT chunk declares {list(significant)} bits of {_DEEP}")
    if len(depths) > 1:
        raise ImageContentError(
            f"The PNG declares {list(significant)} bits by channel; accepted: the same of each."
        )
    return depths.pop()


def _deep_samples(stored: npt.NDArray[Any], declared: int | None) -> Samples:
    """Bring samples of a declared depth to their own scale.

    The standard has writers scale samples up to 16 bits and fill the bits below (section 13.12);
    many store them as they are. The file shows which, or contradicts its declaration.
    """
    if declared is None or int(stored.max()) < 1 << declared:
        return Samples(stored, declared)
    samples = (stored >> (_DEEP - declared)).astype(np.uint16)
    if not any(np.array_equal(stored, scaled) for scaled in _scaled(samples, declared)):
        raise ImageContentError(
            f"The PNG declares {declared} significant bits, but its samples use more of its "
            f"{_DEEP}; save it without its sBIT chunk."
        )
    return Samples(samples, declared)


def _scaled(samples: npt.NDArray[Any], bits: int) -> Iterator[npt.NDArray[np.uint16]]:
    """Yield the ways in which a writer may scale samples up: zeros, repeated bits, or by ratio."""
    wide = samples.astype(np.uint32)
    yield (wide << (_DEEP - bits)).astype(np.uint16)
    repeated = wide << (_DEEP - bits)
    for shift in range(_DEEP - 2 * bits, -bits, -bits):
        repeated |= wide << shift if shift >= 0 else wide >> -shift
    yield repeated.astype(np.uint16)
    most = (1 << bits) - 1
    yield ((wide * 131_070 + most) // (2 * most)).astype(np.uint16)
