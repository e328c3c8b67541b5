"""COCO instances: a ``.json`` of images, categories and annotations (polygons or run lengths)."""

from collections import defaultdict
from pathlib import PurePosixPath
from typing import Any

from blemish.importing.source import (
    Found,
    Polygons,
    RunLengths,
    SourceImage,
    SourceTree,
    class_of,
)
from blemish.sets import Fault

_KEYS = {"images", "annotations", "categories"}


def find(tree: SourceTree) -> Found | None:
    """Return the images of every COCO file, None when there is no such file."""
    images: list[SourceImage] = []
    faults: list[Fault] = []
    recognised = False
    for path, content in tree.documents():
        if isinstance(content, Fault):
            faults.append(content)
        elif isinstance(content, dict) and content.keys() >= _KEYS:
            recognised = True
            try:
                _read(path, content, tree, images, faults)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                faults.append(Fault(str(path), f"not as COCO describes it: {error!r}"))
    return Found(tuple(images), tuple(faults)) if recognised else None


def _read(
    path: PurePosixPath,
    content: dict[str, Any],
    tree: SourceTree,
    images: list[SourceImage],
    faults: list[Fault],
) -> None:
    names = {category["id"]: class_of(category["name"]) for category in content["categories"]}
    regions = defaultdict(list)
    for annotation in content["annotations"]:
        region = _region(annotation, names)
        if isinstance(region, str):
            faults.append(Fault(str(path), f"annotation {annotation.get('id', '?')} {region}"))
        else:
            regions[annotation["image_id"]].append(region)
    known = {entry["id"] for entry in content["images"]}
    faults += [
        Fault(str(path), f"regions of an unknown image {i}") for i in regions if i not in known
    ]
    for entry in content["images"]:
        picture = _locate(path, entry["file_name"], tree)
        if picture is None:
            faults.append(Fault(str(path), f"names {entry['file_name']}, which is not there"))
            continue
        size = (int(entry["width"]), int(entry["height"]))
        marked = tuple(regions[entry["id"]])
        images.append(SourceImage(picture, regions=marked, annotation=path, declared_size=size))


def _region(annotation: dict[str, Any], names: dict[int, str]) -> Polygons | RunLengths | str:
    """Return the region of an annotation, or what is wrong with it."""
    name, marks = names.get(annotation["category_id"]), annotation.get("segmentation")
    if name is None:
        return f"has category {annotation['category_id']}, which is not described"
    if not marks:
        return "has a box and no segmentation; draw the region"
    if isinstance(marks, dict):
        height, width = marks["size"]
        counts = marks["counts"]
        return RunLengths(
            name, (int(height), int(width)), counts if isinstance(counts, str) else tuple(counts)
        )
    if any(len(polygon) < 6 or len(polygon) % 2 for polygon in marks):
        return "has a polygon of fewer than three points"
    return Polygons(name, tuple(tuple(float(edge) for edge in polygon) for polygon in marks))


def _locate(path: PurePosixPath, name: str, tree: SourceTree) -> PurePosixPath | None:
    """Find a picture beside the file, in ``images/`` there or above, or anywhere by its name."""
    for folder in (path.parent, path.parent / "images", *path.parents):
        for candidate in (folder / name, folder / "images" / name):
            if candidate in tree:
                return candidate
    called = tree.pictures_called(PurePosixPath(name).name)
    return called[0] if len(called) == 1 else None
