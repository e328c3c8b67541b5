"""LabelMe: beside each picture a ``.json`` of its shapes; free pictures may have none."""

import math
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from blemish.importing.source import (
    Found,
    Polygons,
    SourceImage,
    SourceTree,
    class_of,
    is_free,
)
from blemish.sets import Fault

_CORNERS = 64  # of a circle as a polygon: within 0.2 % of its area


def find(tree: SourceTree) -> Found | None:
    """Return the pictures that LabelMe files describe, None when there is no such file."""
    images: list[SourceImage] = []
    faults: list[Fault] = []
    recognised = False
    for path, content in tree.documents():
        if isinstance(content, Fault):
            faults.append(content)
        elif isinstance(content, dict) and content.keys() >= {"shapes", "imagePath"}:
            recognised = True
            try:
                images.append(_read(path, content, tree))
            except _NotAcceptedError as error:
                faults.append(Fault(str(path), str(error)))
            except (KeyError, TypeError, ValueError) as error:
                faults.append(Fault(str(path), f"not as LabelMe describes it: {error!r}"))
    if not recognised:
        return None
    described = {image.file for image in images}
    rest = [path for path in tree.pictures if path not in described]
    images += [SourceImage(path, unmasked=not is_free(path.parent.name)) for path in rest]
    return Found(tuple(images), tuple(faults))


class _NotAcceptedError(Exception):
    """A file says something that has no region of pixels."""


def _read(path: PurePosixPath, content: dict[str, Any], tree: SourceTree) -> SourceImage:
    named = PureWindowsPath(content["imagePath"]).name  # splits at both kinds of slash
    picture = path.with_name(named)
    if picture not in tree:
        raise _NotAcceptedError(f"names {named}, which is not beside it")
    regions = tuple(_region(number, shape) for number, shape in enumerate(content["shapes"], 1))
    width, height = content.get("imageWidth"), content.get("imageHeight")
    size = (int(width), int(height)) if width and height else None
    return SourceImage(picture, regions=regions, annotation=path, declared_size=size)


def _region(number: int, shape: dict[str, Any]) -> Polygons:
    kind = shape.get("shape_type") or "polygon"
    points = [(float(x), float(y)) for x, y in shape["points"]]
    if kind == "rectangle" and len(points) == 2:
        (x0, y0), (x1, y1) = points
        points = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    elif kind == "circle" and len(points) == 2:
        points = _circle(points[0], math.dist(*points))
    elif kind != "polygon" or len(points) < 3:
        raise _NotAcceptedError(
            f"shape {number} is a {kind} of {len(points)} points; accepted: polygon, rectangle, "
            "circle. Draw the region as a polygon"
        )
    outline = tuple(edge for point in points for edge in point)
    return Polygons(class_of(shape["label"]), (outline,))


def _circle(centre: tuple[float, float], radius: float) -> list[tuple[float, float]]:
    turns = [2 * math.pi * corner / _CORNERS for corner in range(_CORNERS)]
    return [(centre[0] + radius * math.cos(t), centre[1] + radius * math.sin(t)) for t in turns]
