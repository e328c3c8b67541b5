"""What to import: the source as asked for, and all that is known before an image is read."""

import os
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from blemish.arrays import Mask
from blemish.errors import DataError
from blemish.files import canonical_json, sha256_bytes, sha256_file
from blemish.folder_walk import LeftOut
from blemish.imaging import DEFAULT_LIMITS, Limits
from blemish.importing.choices import Choices
from blemish.importing.layouts import find_images
from blemish.importing.layouts.clean import find_clean
from blemish.importing.mask_reading import MaskError, read_region
from blemish.importing.naming import GroupTable, roboflow_origin
from blemish.importing.report import find_unused
from blemish.importing.source import FoundImages, SourceTree
from blemish.sets import FORMAT, Fault
from blemish.terminal_text import printable

_GROUPS_FILE = "groups.csv"
_REVISION = 2  # raised when the same files would be imported differently than before


@dataclass(frozen=True)
class Source:
    """What to import, and how to read it."""

    root: Path
    name: str
    layout: str | None = None
    groups: Path | None = None
    choices: Choices = field(default_factory=Choices)
    clean: bool = False
    """Every photograph is declared defect-free; there are no masks."""
    region: Path | None = None
    """An image, white where all photographs of the source show the part."""
    join_duplicates: bool = False
    """Groups that share an exact photograph become one, instead of being refused."""
    limits: Limits = DEFAULT_LIMITS
    """The largest image to decode; changes nothing of what is decoded."""


@dataclass(frozen=True)
class ImportPlan:
    """All that is known of an import before an image is read."""

    layout: str
    found: FoundImages
    left_out: tuple[LeftOut, ...]
    region: Mask | None
    grouping: str
    """Where the groups come from, as a sentence's end."""
    digest: str
    """SHA-256 over names and bytes of all files used and the options: equal for equal imports."""


def open_source(root: Path, folder: Path) -> SourceTree:
    """Open a source that lies apart from the folder of the set.

    Raises:
        DataError: It is no folder, or one lies in the other.
    """
    if not root.is_dir():
        raise DataError(f"{root} is no folder; a folder of images and their masks is accepted.")
    inner, outer = sorted([root.resolve(), folder.resolve()], key=lambda p: -len(p.parts))
    if inner.is_relative_to(outer):
        raise DataError(f"{root} and the set's own folder lie in each other; move the source.")
    return SourceTree(root)


def plan_import(source: Source, tree: SourceTree) -> ImportPlan:
    """Find the images of a source, their groups and all that is left out.

    Raises:
        DataError: The source is in no layout, or what is given beside it cannot be used.
    """
    layout, found = _find(source, tree)
    inside = source.root / _GROUPS_FILE
    path = source.groups or (inside if inside.is_file() else None)
    found, grouping = _group(found, layout, path)
    described = Counter(image.file for image in found.images)
    faults = [Fault(printable(file), "described twice") for file, n in described.items() if n > 1]
    if not found.images and not found.faults:
        faults.append(Fault(source.root.name, "an empty set: it holds no image"))
    faults += [Fault(one.file, one.reason) for one in tree.walk.unreadable]
    images = tuple({image.file: image for image in found.images}.values())
    found = FoundImages(images, (*found.faults, *faults), found.left_out)
    others = {printable(_GROUPS_FILE)} if path == inside else set()
    unused = () if found.faults else find_unused(tree, found, layout, others)
    left_out = (*tree.walk.left_out, *found.left_out, *unused)
    region = None if source.region is None else _read_region(source.region, source.limits)
    digest = _digest(source, layout, found, path)
    return ImportPlan(layout, found, left_out, region, grouping, digest)


def _group(found: FoundImages, layout: str, table: Path | None) -> tuple[FoundImages, str]:
    """Give images their groups; return them, and where the groups come from."""
    if table is not None:
        groups = GroupTable(table.name, _read_text(table))
        grouped, misfits = groups.apply(found.images)
        told = f"groups are those of {table.name}"
        return replace(found, images=grouped, faults=found.faults + misfits), told
    if any(image.group for image in found.images):
        return found, f"groups are those of layout {layout}"
    if any(roboflow_origin(image.file) for image in found.images):
        copies = (replace(one, group=roboflow_origin(one.file) or None) for one in found.images)
        told = "copies that Roboflow made of one image are a group"
        return replace(found, images=tuple(copies)), told
    return found, "each image is its own group"


def _find(source: Source, tree: SourceTree) -> tuple[str, FoundImages]:
    """Find the images of a source, in a layout with labels or as clean photographs."""
    if not source.clean:
        return find_images(tree, source.layout)
    try:
        labelled = find_images(tree)[1]
    except DataError:  # no layout with labels recognises it
        labelled = None
    return "clean", find_clean(tree, labelled)


def _read_region(path: Path, limits: Limits) -> Mask:
    """Read a region of interest.

    Raises:
        DataError: It cannot be meant as a region, or covers nothing.
    """
    try:
        region = read_region(path, limits)
    except MaskError as error:
        raise DataError(f"The region of interest {path}: {error}. Nothing was imported.") from error
    if not region.any():
        raise DataError(
            f"The region of interest {path} covers nothing; accepted: an image that is white "
            "where the part is. Nothing was imported."
        )
    return region


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text; save it as CSV in UTF-8.") from error


def _digest(source: Source, layout: str, found: FoundImages, groups: Path | None) -> str:
    files = sorted({file for image in found.images for file in image.files})
    there = [(printable(f), source.root / f) for f in files if _is_readable(source.root / f)]
    content = {
        "format": [FORMAT, _REVISION],
        "name": source.name,
        "layout": layout,
        "choices": asdict(source.choices),
        "clean": source.clean,
        "region": sha256_file(source.region) if source.region else None,
        "join_duplicates": source.join_duplicates,
        "groups": sha256_file(groups) if groups else None,
        "files": [(name, sha256_file(path)) for name, path in there],
    }
    return sha256_bytes(canonical_json(content))


def _is_readable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.R_OK)
