"""Lossy encodings by Pillow, OpenCV and tifffile, and two other ways to read them."""

import io
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import numpy.typing as npt
import tifffile
from faulty_images import encode
from PIL import Image

Plane = npt.NDArray[np.uint8]
Encoding = tuple[str, bytes]


def by_pillow(pixels: Plane, choose: Callable[..., object]) -> Iterator[Encoding]:
    """Yield JPEG of any quality, subsampling and scan order, and WebP."""
    image = Image.fromarray(pixels)
    options = {
        "quality": choose("quality", list(range(1, 101))),
        "subsampling": choose("subsampling", [0, 1, 2]),
        "progressive": choose("progressive", [False, True]),
        "optimize": choose("optimize", [False, True]),
        "restart_marker_blocks": choose("restarts", [0, 1, 7]),
    }
    yield f"JPEG {options}", encode(image, "JPEG", **options)
    quality = choose("WebP quality", list(range(101)))
    yield f"WebP {quality}", encode(image.convert("RGB"), "WEBP", quality=quality)


def by_opencv(pixels: Plane, choose: Callable[..., object]) -> Iterator[Encoding]:
    """Yield JPEG with OpenCV's own options."""
    options = [cv2.IMWRITE_JPEG_QUALITY, choose("quality", list(range(1, 101)))]
    options += [cv2.IMWRITE_JPEG_PROGRESSIVE, choose("progressive", [0, 1])]
    stored = pixels if pixels.ndim == 2 else pixels[..., ::-1]
    yield f"JPEG {options}", bytes(cv2.imencode(".jpg", np.ascontiguousarray(stored), options)[1])


def by_tifffile(pixels: Plane, choose: Callable[..., object]) -> Iterator[Encoding]:
    """Yield TIFF whose strips or tiles are JPEG."""
    stream = io.BytesIO()
    colour = pixels.ndim == 3
    options: dict[str, object] = {
        "photometric": "rgb" if colour else "minisblack",
        "compression": "jpeg",
        "compressionargs": {"level": choose("quality", list(range(50, 101)))},
        "tile": choose("tile", [None, (16, 32)]),
    }
    tifffile.imwrite(stream, pixels, **options)
    yield f"TIFF {options}", stream.getvalue()


def luma(colour: Plane) -> Plane:
    """Turn RGB into the documented luma."""
    red, green, blue = np.moveaxis(colour.astype(np.int64), 2, 0)
    return ((19595 * red + 38470 * green + 7471 * blue + 32768) >> 16).astype(np.uint8)


def read_by_others(encoded: bytes) -> Iterator[tuple[str, Plane]]:
    """Yield the grey plane as Pillow, OpenCV or tifffile decode the file."""
    if encoded[:2] in (b"II", b"MM"):
        found = tifffile.imread(io.BytesIO(encoded))
        yield "tifffile", found if found.ndim == 2 else luma(found)
        return
    with Image.open(io.BytesIO(encoded)) as image:
        found = np.asarray(image)
        yield "Pillow", found if found.ndim == 2 else luma(found)
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    yield "OpenCV", luma(cv2.imdecode(np.frombuffer(encoded, np.uint8), flags)[..., ::-1])


def quantization_error(encoded: bytes, shape: tuple[int, int]) -> float:
    """Bound the root mean square error of a grey JPEG by its own table of quantization.

    A coefficient is off by at most half its step; the transform keeps sums of squares (Parseval),
    over whole blocks. One level is for the rounding of samples.
    """
    with Image.open(io.BytesIO(encoded)) as image:
        steps = np.array(image.quantization[0], dtype=np.float64)
    whole = np.prod([-(-side // 8) * 8 for side in shape])
    return float(np.sqrt(whole / np.prod(shape)) * np.sqrt((steps**2).mean()) / 2 + 1.0)
