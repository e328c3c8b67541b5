"""What makes a set fit for training, and every file that is not, named once.

Checks of one image run where it is read (a worker process); checks of whole sets run on their
indexes. Faults are collected, never raised one by one: :func:`refuse` raises them all.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blemish.arrays import Mask
from blemish.errors import DataError
from blemish.files import sha256_bytes
from blemish.png import GreyPlane, read_grey
from blemish.sets.index_rows import DefectMark, IndexRow
from blemish.sets.layout import REGION_FILE, ImageSet


@dataclass(frozen=True, order=True)
class Fault:
    """A file that cannot be used, by its path inside the data, and why."""

    file: str
    problem: str


@dataclass(frozen=True)
class CheckedImage:
    """One image of a set that passed."""

    plane: GreyPlane
    instances: NDArray[np.uint16]
    """Shape ``(H, W)``: 0 without a defect, ``k`` the ``k``-th defect."""
    defects: tuple[DefectMark, ...]
    digest: str
    """SHA-256 over size and grey levels: equal for equal images."""


def content_digest(plane: GreyPlane) -> str:
    """Return the SHA-256 over the size, depth and grey levels of an image."""
    return sha256_bytes(f"{plane.shape}{plane.dtype}".encode() + plane.tobytes())


class _UnfitError(Exception):
    """An image of a set cannot be used; holds the faults."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(*faults)
        self.faults = faults


def check_image(images: ImageSet, index: int) -> CheckedImage | tuple[Fault, ...]:
    """Read one image of a set with its mask; return what is wrong when it cannot be used."""
    try:
        return _check(images, index)
    except _UnfitError as error:
        return error.faults


def _check(images: ImageSet, index: int) -> CheckedImage:
    image, mask = _read_pair(images, index)
    row, mask_name = images.rows[index], name_in_data(images.mask_path(index))
    if problem := mask_problem(mask, image.shape):
        raise _UnfitError(Fault(mask_name, problem))
    defects = _read_marks(images, row.image_id, mask.size)
    instances = draw_instances(image.shape, defects)
    if problem := _disagreement(mask > 127, instances > 0, row):
        raise _UnfitError(Fault(mask_name, problem))
    return CheckedImage(image, instances, defects, content_digest(image))


def _read_pair(images: ImageSet, index: int) -> tuple[GreyPlane, GreyPlane]:
    """Read an image, of the size that the index says, and its mask."""
    row = images.rows[index]
    paths = images.image_path(index), images.mask_path(index)
    image, mask = _read(paths[0]), _read(paths[1])
    if isinstance(image, str) or isinstance(mask, str):
        loaded = zip(paths, (image, mask), strict=True)
        raise _UnfitError(*(Fault(name_in_data(p), one) for p, one in loaded if type(one) is str))
    if image.shape != (row.height, row.width):
        problem = f"{_size(image)} pixels; index.csv says {row.width} x {row.height}"
        raise _UnfitError(Fault(name_in_data(paths[0]), problem))
    return image, mask


def _read_marks(images: ImageSet, image_id: str, pixels: int) -> tuple[DefectMark, ...]:
    """Read the defects of an image of so many pixels."""
    try:
        defects = images.marks(image_id)
    except DataError as error:
        file, _, problem = error.files[0].partition(": ")
        raise _UnfitError(Fault(file, problem)) from error
    if any(defect.spans.max(initial=0) > pixels for defect in defects):
        file = f"{images.folder.name}/defects.jsonl"
        raise _UnfitError(Fault(file, f"a region reaches beyond {image_id}"))
    return defects


def draw_instances(shape: tuple[int, ...], defects: Sequence[DefectMark]) -> NDArray[np.uint16]:
    """Draw defects into one map: shape ``(H, W)``, 0 without a defect, ``k`` the ``k``-th defect.

    Where defects overlap the smaller one shows, so that none is hidden altogether.
    """
    height, width = shape
    columns = np.zeros(height * width, np.uint16)
    for k in sorted(range(len(defects)), key=lambda k: (-defects[k].area_px, k)):
        for start, end in defects[k].spans:
            columns[start:end] = k + 1
    return columns.reshape(width, height).T.copy()


def name_in_data(path: Path) -> str:
    """Return ``NAME/images/x.png``: which set, and where in it, wherever the checkout lies."""
    return "/".join(path.parts[-3:])


def mask_problem(mask: GreyPlane, image_shape: tuple[int, ...]) -> str | None:
    """Return what is wrong with the mask of an image, None when nothing is."""
    if mask.shape != image_shape:
        return f"{_size(mask)} pixels, its image {image_shape[1]} x {image_shape[0]}"
    values = np.unique(mask)
    if mask.dtype != np.uint8 or not np.isin(values, (0, 255)).all():
        return f"{describe_values(values)}; accepted: 0 and 255"
    return None


def describe_values(values: NDArray[np.generic]) -> str:
    """Say which values a mask holds, the first few of them."""
    shown = ", ".join(str(value) for value in values[:5])
    return f"values {shown}{', ...' if len(values) > 5 else ''} ({len(values)} in all)"


def _size(plane: NDArray[Any]) -> str:
    return f"{plane.shape[1]} x {plane.shape[0]}"


def _read(path: Path) -> GreyPlane | str:
    """Return a plane, or why there is none."""
    try:
        return read_grey(path)
    except FileNotFoundError:
        return "missing, though index.csv names it"
    except DataError as error:
        return error.files[0].partition(": ")[2]


def _disagreement(mask: Mask, drawn: Mask, row: IndexRow) -> str | None:
    """Return in what a mask contradicts the indexes of its set, None when in nothing."""
    differing = int((drawn != mask).sum())
    if differing:
        return f"differs from defects.jsonl in {differing} pixels"
    if row.clean and drawn.any():
        return "shows a defect, though index.csv declares the image clean"
    return None if row.defective == drawn.any() else "contradicts column defective of index.csv"


def check_index(images: ImageSet) -> tuple[Fault, ...]:
    """Find what is wrong with a set as a whole: no image in it, or files that no row names."""
    if not images.rows:
        return (Fault(f"{images.folder.name}/index.csv", "an empty set: it names no image"),)
    known = {f"{row.image_id}.png" for row in images.rows}
    faults = []
    for kind, problem in (
        ("images", "no row of index.csv names it"),
        ("masks", "an orphan mask: no image has its name"),
    ):
        strays = sorted(p for p in (images.folder / kind).glob("*") if p.name not in known)
        faults += [Fault(name_in_data(path), problem) for path in strays]
    return (*faults, *_check_region(images))


def _check_region(images: ImageSet) -> Iterator[Fault]:
    """Find what is wrong with the region of interest of a set, where it has one."""
    name = f"{images.folder.name}/{REGION_FILE}"
    try:
        region = images.region
    except (DataError, OSError):
        yield Fault(name, "the region of interest is missing or corrupt")
        return
    if region is None:
        return
    problem = region_problem(region, {(row.height, row.width) for row in images.rows})
    if problem:
        yield Fault(name, problem)


def region_problem(region: Mask, shapes: Iterable[tuple[int, int]]) -> str | None:
    """Return what is wrong with a region of interest for images of some shapes, None if nothing.

    Args:
        region: Shape ``(H, W)``, bool.
        shapes: Height and width of the images.
    """
    if not region.any():
        return "the region of interest covers nothing; white pixels are what counts"
    others = sorted(set(shapes) - {region.shape})
    if others:
        height, width = others[0]
        return (
            f"the region of interest has {_size(region)} pixels, but an image has {width} x "
            f"{height}; one region serves images of one size"
        )
    return None


def find_duplicates(entries: Iterable[tuple[str, str, str]]) -> tuple[Fault, ...]:
    """Find equal images in different groups: one could train what the other tests.

    Args:
        entries: Of each image its name, its group (unique across sets) and its content digest.
    """
    by_digest = defaultdict(list)
    for name, group, digest in entries:
        by_digest[digest].append((name, group))
    faults = []
    for same in by_digest.values():
        if len({group for _, group in same}) > 1:
            others = ", ".join(f"{name} (group {group})" for name, group in same[1:4])
            more = f" and {len(same) - 4} more" if len(same) > 4 else ""
            name, group = same[0]
            faults.append(Fault(name, f"in group {group} is the same image as {others}{more}"))
    return tuple(faults)


def refuse(faults: Iterable[Fault], advice: str) -> None:
    """Raise when there is any fault.

    Raises:
        DataError: Naming every file once, in order, with all that is wrong with it.
    """
    by_file = defaultdict(list)
    for fault in sorted(set(faults)):
        by_file[fault.file].append(fault.problem)
    if by_file:
        count = f"{len(by_file)} file{'s' if len(by_file) > 1 else ''}"
        lines = [f"{file}: {'; '.join(problems)}" for file, problems in by_file.items()]
        raise DataError(f"{count} cannot be used. {advice}", lines)
