"""COCO instances: a ``.json`` of images, categories and annotations (polygons or run lengths).

Several files, such as one a split, are read together. Photographs that no file names are
unlabelled; ``--unmasked-free`` or ``--unmasked-skip`` decides.
"""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from blemish.folder_walk import LeftOut
from blemish.importing.source import (
    ODD_CONTENT,
    FoundImages,
    Polygons,
    RunLengths,
    SourceImage,
    SourceTree,
    class_of,
    is_free,
)
from blemish.sets import Fault
from blemish.terminal_text import printable

_KEYS = {"images", "annotations", "categories"}
_NO_DEFECT = "a region whose category says that it is no defect"


def find(tree: SourceTree) -> FoundImages | None:
    """Return the images of every COCO file, None when there is no such file."""
    reader = _Reader(tree)
    recognised = corrupt = False
    for path, content in tree.documents():
        if isinstance(content, Fault):
            reader.faults.append(content)
        elif isinstance(content, dict) and content.keys() >= _KEYS:
            recognised = True
            try:
                reader.read(path, content)
            except ODD_CONTENT as error:
                problem = f"not as COCO describes it: {error!r}"
                reader.faults.append(Fault(printable(path), problem))
                corrupt = True  # whatever it would have named is not unlabelled
    if not recognised:
        return None
    named = {image.file for image in reader.images} | reader.named
    unnamed = () if corrupt else (path for path in tree.images if path not in named)
    rest = [SourceImage(path, unmasked=True) for path in unnamed]
    return FoundImages((*reader.images, *rest), tuple(reader.faults), tuple(reader.left_out))


@dataclass
class _Reader:
    tree: SourceTree
    images: list[SourceImage] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    named: set[PurePosixPath] = field(default_factory=set)

    def read(self, path: PurePosixPath, content: dict[str, Any]) -> None:
        """Read one file."""
        ids = Counter(entry["id"] for entry in content["images"])
        twice = sorted((str(number) for number, count in ids.items() if count > 1), key=len)
        if twice:
            shown = ", ".join(twice[:10]) + (", ..." if len(twice) > 10 else "")
            self._fault(
                path,
                f"{len(twice)} image ids name more than one image each: {shown}. The regions of "
                "such images cannot be told apart; give every image an id of its own",
            )
            self.named |= {p for entry in content["images"] if (p := self._locate(path, entry))}
            return
        regions = self._regions(path, content)
        for number in regions.keys() - ids.keys():
            self._fault(path, f"regions of an unknown image {number}")
        for entry in content["images"]:
            image = self._locate(path, entry)
            if image is not None:
                marked = tuple(regions[entry["id"]])
                self.images.append(
                    SourceImage(image, regions=marked, annotation=path, declared_size=_size(entry))
                )

    def _regions(
        self, path: PurePosixPath, content: dict[str, Any]
    ) -> defaultdict[Any, list[Polygons | RunLengths]]:
        names: dict[Any, str] = {}
        for category in content["categories"]:
            number, name = category["id"], class_of(str(category["name"]))
            if names.setdefault(number, name) != name:
                problem = f"category id {number} names two classes: {names[number]} and {name}"
                self._fault(path, problem)
        regions: defaultdict[Any, list[Polygons | RunLengths]] = defaultdict(list)
        for annotation in content["annotations"]:
            region = _region(annotation, names)
            if isinstance(region, str):
                self._fault(path, f"annotation {annotation.get('id', '?')} {region}")
            elif is_free(region.class_name):
                self.left_out.append(LeftOut(printable(path), _NO_DEFECT))
                regions[annotation["image_id"]]
            else:
                regions[annotation["image_id"]].append(region)
        return regions

    def _locate(self, path: PurePosixPath, entry: dict[str, Any]) -> PurePosixPath | None:
        """Find the photograph of an entry; None, and a fault more, when that cannot be told."""
        found = _candidates(path, str(entry["file_name"]).replace("\\", "/"), self.tree)
        if len(found) == 1:
            return found[0]
        name = printable(entry["file_name"])
        if found:
            fits = ", ".join(printable(one) for one in found[:3])
            self._fault(path, f"names {name}, which fits {len(found)} files: {fits}")
            self.named.update(found)
        else:
            self._fault(path, f"names {name}, which is not there")
        return None

    def _fault(self, path: PurePosixPath, problem: str) -> None:
        self.faults.append(Fault(printable(path), problem))


def _candidates(path: PurePosixPath, name: str, tree: SourceTree) -> list[PurePosixPath]:
    """Find a photograph by its path from the file, from a folder above, or by its bare name.

    Of several that share a name, those in a folder whose name the annotation file carries count:
    ``train2017/1.jpg`` for ``instances_train2017.json``.
    """
    for folder in (path.parent, path.parent / "images", *path.parents):
        for candidate in (folder / name, folder / "images" / name):
            if candidate in tree:
                return [candidate]
    parts = PurePosixPath(name).parts
    called = tree.images_called(parts[-1]) if parts else []
    ending = [one for one in called if one.parts[-len(parts) :] == parts]
    fitting = ending or called
    if len(fitting) > 1:
        words = set(re.split(r"[^a-z0-9]+", path.stem.lower()))
        split = [one for one in fitting if words & {p.lower() for p in one.parts[:-1]}]
        fitting = split or fitting
    return fitting


def _size(entry: dict[str, Any]) -> tuple[int, int] | None:
    """Return the declared width and height; None where the file leaves one out."""
    width, height = entry.get("width"), entry.get("height")
    return (int(width), int(height)) if width and height else None


def _region(annotation: dict[str, Any], names: dict[Any, str]) -> Polygons | RunLengths | str:
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
    polygons = _polygons(marks)
    if polygons is None:
        return "has a segmentation that is neither polygons nor run lengths"
    if any(len(polygon) < 6 or len(polygon) % 2 for polygon in polygons):
        return "has a polygon of fewer than three points"
    return Polygons(name, polygons)


def _polygons(marks: Any) -> tuple[tuple[float, ...], ...] | None:
    """Return polygons that are written flat, in lists of numbers, or in lists of points."""
    if not isinstance(marks, list):
        return None
    if all(_is_number(mark) for mark in marks):
        return (tuple(map(float, marks)),)
    if all(_is_point(mark) for mark in marks) and len(marks) > 2:
        return (tuple(float(edge) for point in marks for edge in point),)
    found: list[tuple[float, ...]] = []
    for mark in marks:
        inner = _polygons(mark)
        if inner is None:
            return None
        found += inner
    return tuple(found)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_point(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))
