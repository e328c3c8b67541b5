"""What makes a set fit for training, and every file that is not, named once.

Checks of one image run where it is read (a worker process); checks of whole sets run on their
indexes. Faults are collected, never raised one by one: :func:`refuse` raises them all.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blemish.datasets.layout import DefectRecord, ImageSet
from blemish.datasets.png import Plane, read_grey
from blemish.errors import DataError
from blemish.files import sha256_bytes


@dataclass(frozen=True, order=True)
class Fault:
    """A file that cannot be used, by its path inside the data, and why."""

    file: str
    problem: str


@dataclass(frozen=True)
class CheckedImage:
    """One image of a set that passed."""

    plane: Plane
    mask: NDArray[np.bool_]
    defects: tuple[DefectRecord, ...]
    digest: str
    """SHA-256 over size and grey levels: equal for equal pictures."""


def content_digest(plane: Plane) -> str:
    """Return the SHA-256 over the size, depth and grey levels of a picture."""
    return sha256_bytes(f"{plane.shape}{plane.dtype}".encode() + plane.tobytes())


def check_image(images: ImageSet, index: int) -> CheckedImage | tuple[Fault, ...]:
    """Read one image of a set with its mask; return what is wrong when it cannot be used."""
    row = images.rows[index]
    image_path, mask_path = images.image_path(index), images.mask_path(index)
    image, mask = _read(image_path), _read(mask_path)
    faults = [
        Fault(name_in_data(path), loaded)
        for path, loaded in ((image_path, image), (mask_path, mask))
        if isinstance(loaded, str)
    ]
    if isinstance(image, str) or isinstance(mask, str):
        return tuple(faults)
    size = f"{row.width} x {row.height}"
    if image.shape != (row.height, row.width):
        return (Fault(name_in_data(image_path), f"{_size(image)} pixels; index.csv says {size}"),)
    problem = mask_problem(mask, image.shape)
    if problem:
        return (Fault(name_in_data(mask_path), problem),)
    try:
        defects = images.defects(row.image_id)
    except DataError as error:
        file, _, torn = error.files[0].partition(": ")
        return (Fault(file, torn),)
    problem = _disagreement(mask > 127, defects, defective=row.defective)
    if problem:
        return (Fault(name_in_data(mask_path), problem),)
    return CheckedImage(image, mask > 127, defects, content_digest(image))


def name_in_data(path: Path) -> str:
    """Return ``NAME/images/x.png``: which set, and where in it, wherever the checkout lies."""
    return "/".join(path.parts[-3:])


def mask_problem(mask: Plane, image_shape: tuple[int, ...]) -> str | None:
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


def _size(plane: Plane) -> str:
    return f"{plane.shape[1]} x {plane.shape[0]}"


def _read(path: Path) -> Plane | str:
    """Return a plane, or why there is none."""
    try:
        return read_grey(path)
    except FileNotFoundError:
        return "missing, though index.csv names it"
    except DataError as error:
        return error.files[0].partition(": ")[2]


def _disagreement(
    mask: NDArray[np.bool_], defects: Sequence[DefectRecord], *, defective: bool
) -> str | None:
    """Return in what a mask contradicts the indexes of its set, None when in nothing."""
    union = np.zeros_like(mask)
    for defect in defects:
        if defect.mask.shape != mask.shape:
            return "defects.jsonl holds a region of another size"
        union |= defect.mask
    differing = int((union != mask).sum())
    if differing:
        return f"differs from defects.jsonl in {differing} pixels"
    return None if defective == bool(defects) else "contradicts column defective of index.csv"


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
    return tuple(faults)


def find_duplicates(entries: Iterable[tuple[str, str, str]]) -> tuple[Fault, ...]:
    """Find equal pictures in different groups: one could train what the other tests.

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
            faults.append(Fault(name, f"in group {group} is the same picture as {others}{more}"))
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
