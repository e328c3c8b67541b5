"""LabelMe: beside each photograph a ``.json`` of its shapes; defect-free ones may have none.

LabelMe turns photographs by their EXIF orientation before a person marks them.
"""

import base64
import binascii
import math
import os
from pathlib import PurePosixPath
from typing import Any

from blemish.folder_walk import LeftOut
from blemish.importing.source import (
    ODD_CONTENT,
    EncodedMask,
    FoundImages,
    Polygons,
    SourceImage,
    SourceTree,
    class_of,
    is_free,
)
from blemish.sets import Fault
from blemish.terminal_text import printable

_CORNERS = 64  # of a circle as a polygon: within 0.2 % of its area
_NO_DEFECT = frozenset({"_background_", "__ignore__"})  # LabelMe's own labels beside classes
_LEFT_OUT = "a shape whose label says that it is no defect"


def find(tree: SourceTree) -> FoundImages | None:
    """Return the photographs that LabelMe files describe, None when there is no such file."""
    images: list[SourceImage] = []
    faults: list[Fault] = []
    left_out: list[LeftOut] = []
    recognised = False
    for path, content in tree.documents():
        if isinstance(content, Fault):
            faults.append(content)
        elif isinstance(content, dict) and content.keys() >= {"shapes", "imagePath"}:
            recognised = True
            try:
                images.append(_read(path, content, tree, left_out))
            except _NotAcceptedError as error:
                faults.append(Fault(printable(path), str(error)))
            except ODD_CONTENT as error:
                faults.append(Fault(printable(path), f"not as LabelMe describes it: {error!r}"))
    if not recognised:
        return None
    described = {image.file for image in images}
    rest = [path for path in tree.images if path not in described]
    images += [SourceImage(path, unmasked=not is_free(path.parent.name)) for path in rest]
    return FoundImages(tuple(images), tuple(faults), tuple(left_out))


class _NotAcceptedError(Exception):
    """A file says something that has no region of pixels."""


def _read(
    path: PurePosixPath, content: dict[str, Any], tree: SourceTree, left_out: list[LeftOut]
) -> SourceImage:
    image = _locate(path, str(content["imagePath"]).replace("\\", "/"), tree)
    regions = []
    for number, shape in enumerate(content["shapes"], 1):
        name = _label(number, shape)
        if name in _NO_DEFECT or is_free(name):
            left_out.append(LeftOut(printable(path), _LEFT_OUT))
        else:
            regions.append(_region(number, shape, name))
    width, height = content.get("imageWidth"), content.get("imageHeight")
    size = (int(width), int(height)) if width and height else None
    return SourceImage(
        image, regions=tuple(regions), annotation=path, declared_size=size, shown_turned=True
    )


def _locate(path: PurePosixPath, name: str, tree: SourceTree) -> PurePosixPath:
    """Find a photograph where the file says, or beside the file."""
    named = PurePosixPath(os.path.normpath(path.parent / name))
    beside = path.with_name(PurePosixPath(name).name or path.name)
    for candidate in (named, beside):
        if candidate in tree:
            return candidate
    raise _NotAcceptedError(f"names {beside.name}, which is not beside it")


def _label(number: int, shape: dict[str, Any]) -> str:
    label = shape.get("label")
    name = "" if label is None or isinstance(label, (dict, list)) else class_of(str(label))
    if not name:
        raise _NotAcceptedError(f"shape {number} has the label {label!r}; accepted: a word")
    return name


def _region(number: int, shape: dict[str, Any], name: str) -> Polygons | EncodedMask:
    kind = shape.get("shape_type") or "polygon"
    points = [(float(x), float(y)) for x, y in shape["points"]]
    if kind == "mask" and len(points) == 2:
        return _mask(number, shape, name, points[0])
    if kind == "rectangle" and len(points) == 2:
        (x0, y0), (x1, y1) = points
        points = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    elif kind == "circle" and len(points) == 2:
        points = _circle(points[0], math.dist(*points))
    elif kind not in {"polygon", "rectangle", "oriented_rectangle"} or len(points) < 3:
        raise _NotAcceptedError(
            f"shape {number} is a {kind} of {len(points)} points; accepted: polygon, rectangle, "
            "circle, mask. Draw the region as a polygon"
        )
    return Polygons(name, (tuple(edge for point in points for edge in point),))


def _mask(
    number: int, shape: dict[str, Any], name: str, corner: tuple[float, float]
) -> EncodedMask:
    """Return a region that LabelMe stores as a small PNG at a corner."""
    try:
        data = base64.b64decode(shape["mask"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise _NotAcceptedError(f"shape {number} holds a mask that is not base64") from error
    return EncodedMask(name, (round(corner[0]), round(corner[1])), data)


def _circle(centre: tuple[float, float], radius: float) -> list[tuple[float, float]]:
    turns = [2 * math.pi * corner / _CORNERS for corner in range(_CORNERS)]
    return [(centre[0] + radius * math.cos(t), centre[1] + radius * math.sin(t)) for t in turns]
