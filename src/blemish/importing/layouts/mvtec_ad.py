"""MVTec AD: ``{train,test}/good/``, ``test/DEFECT/x`` and ``ground_truth/DEFECT/x_mask``.

The mask may have another ending than its photograph, lack ``_mask``, or be a folder ``x/`` of
several masks, as in MVTec LOCO.
"""

from pathlib import PurePosixPath

from blemish.importing.source import (
    FoundImages,
    MaskFile,
    SourceImage,
    SourceTree,
    class_of,
    is_free,
)
from blemish.sets import Fault
from blemish.terminal_text import printable

_SPLITS = ("train", "test", "validation")


def find(tree: SourceTree) -> FoundImages | None:
    """Return the images of all categories, None without ``test`` beside ``ground_truth``."""
    tested = {path.parents[2] for path in tree.images if path.parts[-3:-2] == ("test",)}
    truths: dict[PurePosixPath, list[PurePosixPath]] = {}
    for path in tree.images:
        if "ground_truth" in path.parts[:-1]:
            depth = path.parts.index("ground_truth")
            category = PurePosixPath(*path.parts[:depth])
            for key in _keys(path, depth):
                truths.setdefault(category / key, []).append(path)
    marked = {path.parents[1] for path in truths}
    images: list[SourceImage] = []
    used: set[PurePosixPath] = set()
    for path in tree.images:
        if path.parts[-3:-2] and path.parts[-3] in _SPLITS and path.parents[2] in tested & marked:
            image = _describe(path, truths)
            used.update(mask.file for mask in image.masks)
            images.append(image)
    if not images:
        return None
    faults = [
        Fault(printable(path), "an orphan mask: no image in test has its name")
        for path in tree.images
        if "ground_truth" in path.parts[:-1] and path not in used
    ]
    return FoundImages(tuple(images), tuple(faults))


def _keys(path: PurePosixPath, depth: int) -> list[str]:
    """Return ``DEFECT/stem`` of the images that a file of ``ground_truth`` may be the mask of."""
    inner = path.parts[depth + 1 :]
    if len(inner) == 3:  # DEFECT/x/000.png
        return ["/".join(inner[:2])]
    if len(inner) != 2:
        return []
    stems = {path.stem, path.stem.removesuffix("_mask")}
    return [f"{inner[0]}/{stem}" for stem in sorted(stems)]


def _describe(path: PurePosixPath, truths: dict[PurePosixPath, list[PurePosixPath]]) -> SourceImage:
    category, defect = path.parents[2], path.parts[-2]
    attributes = {"category": category.name} if category.name else {}
    if is_free(defect):
        return SourceImage(path, attributes=attributes)
    name = class_of(defect)
    masks = truths.get(category / defect / path.stem, [])
    return SourceImage(
        path,
        masks=tuple(MaskFile(mask, name) for mask in masks),
        unmasked=not masks,
        promised_class=name,
        attributes=attributes,
    )
