"""YOLO segmentation (Ultralytics): ``images/x.jpg`` with ``labels/x.txt``, an outline a line.

A line is a class number and the corners of a polygon as shares of width and height. An empty file
says defect-free; names of classes come from the ``names`` of a ``.yaml``, or from ``classes.txt``.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import yaml

from blemish.folder_walk import LeftOut
from blemish.importing.source import (
    ODD_CONTENT,
    FoundImages,
    Polygons,
    SourceImage,
    SourceTree,
    class_of,
    is_free,
)
from blemish.sets import Fault
from blemish.terminal_text import printable

_NO_DEFECT = "an outline whose class says that it is no defect"


def find(tree: SourceTree) -> FoundImages | None:
    """Return photographs with their outlines, None when no ``.txt`` belongs to a photograph."""
    labels = {_key(path): (path, text) for path, text in tree.texts(".txt")}
    paired = [path for path in tree.images if _key(path) in labels]
    if not any(_is_label(labels[_key(path)][1]) for path in paired):
        return None
    names = _class_names(tree)
    images: list[SourceImage] = []
    faults: list[Fault] = []
    left_out: list[LeftOut] = []
    for path in tree.images:
        if _key(path) not in labels:
            images.append(SourceImage(path, unmasked=not is_free(path.parent.name)))
            continue
        label, text = labels[_key(path)]
        regions = text if isinstance(text, Fault) else _outlines(label, text, names)
        if isinstance(regions, Fault):
            faults.append(regions)
            continue
        kept = tuple(region for region in regions if not is_free(region.class_name))
        left_out += [LeftOut(printable(label), _NO_DEFECT)] * (len(regions) - len(kept))
        images.append(SourceImage(path, regions=kept, annotation=label))
    keys = {_key(path) for path in tree.images}
    faults += [
        Fault(printable(path), "an orphan label: no image has its name")
        for key, (path, text) in labels.items()
        if key not in keys and "labels" in path.parts[:-1] and _is_label(text)
    ]
    return FoundImages(tuple(images), tuple(faults), tuple(left_out))


def _key(path: PurePosixPath) -> str:
    """Return what a photograph and its label have in common."""
    parts = [part for part in path.parts[:-1] if part.lower() not in {"images", "labels"}]
    return "/".join([*parts, path.stem])


def _is_label(text: str | Fault) -> bool:
    """Say whether a text looks like outlines or boxes: a whole number, then shares."""
    lines = [] if isinstance(text, Fault) else [line for line in text.splitlines() if line.strip()]
    try:
        return bool(lines) and all(
            line.split()[0].isdigit() and len(list(map(float, line.split()))) >= 5 for line in lines
        )
    except ValueError:
        return False


def _outlines(path: PurePosixPath, text: str, names: Mapping[int, str]) -> list[Polygons] | Fault:
    """Return the outlines of a label file, or what is wrong with it."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words:
            continue
        try:
            class_number, *edges = int(words[0]), *map(float, words[1:])
        except ValueError:
            return Fault(printable(path), f"line {number} is not a class number and shares")
        if len(edges) == 4:
            problem = f"line {number} is a box and no outline; draw the region"
            return Fault(printable(path), problem)
        if len(edges) < 6 or len(edges) % 2:
            return Fault(printable(path), f"line {number} has fewer than three corners")
        if not all(-0.5 <= edge <= 1.5 for edge in edges):
            problem = f"line {number} has corners that are no shares of width and height"
            return Fault(printable(path), problem)
        name = names.get(class_number, f"class_{class_number}")
        found.append(Polygons(name, (tuple(edges),), shares=True))
    return found


def _class_names(tree: SourceTree) -> dict[int, str]:
    """Return names by number, from a ``.yaml`` with ``names`` or from ``classes.txt``."""
    for suffix in (".yaml", ".yml"):
        for _, text in tree.texts(suffix):
            names = _yaml_names(text)
            if names:
                return names
    for path, text in tree.texts(".txt"):
        if path.name in {"classes.txt", "obj.names"} and isinstance(text, str):
            return {number: class_of(name) for number, name in enumerate(text.splitlines())}
    return {}


def _yaml_names(text: str | Fault) -> dict[int, str]:
    try:
        content: Any = None if isinstance(text, Fault) else yaml.safe_load(text)
        names = content["names"] if isinstance(content, dict) else None
        pairs = names.items() if isinstance(names, dict) else enumerate(names or ())
        return {int(number): class_of(str(name)) for number, name in pairs}
    except (yaml.YAMLError, *ODD_CONTENT):
        return {}
