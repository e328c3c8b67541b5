"""MVTec AD: ``{train,test}/good/``, ``test/DEFECT/x`` and ``ground_truth/DEFECT/x_mask``."""

from pathlib import PurePosixPath

from blemish.importing.source import (
    Found,
    MaskFile,
    SourceImage,
    SourceTree,
    class_of,
    is_free,
)
from blemish.sets import Fault

_SPLITS = ("train", "test", "validation")


def find(tree: SourceTree) -> Found | None:
    """Return the images of all categories, None without ``test`` beside ``ground_truth``."""
    tested = {path.parents[2] for path in tree.pictures if path.parts[-3:-2] == ("test",)}
    marked = {path.parents[2] for path in tree.pictures if path.parts[-3:-2] == ("ground_truth",)}
    images: list[SourceImage] = []
    used: set[PurePosixPath] = set()
    for path in tree.pictures:
        if path.parts[-3:-2] and path.parts[-3] in _SPLITS and path.parents[2] in tested & marked:
            image = _describe(path, tree)
            used.update(mask.file for mask in image.masks)
            images.append(image)
    if not images:
        return None
    faults = [
        Fault(str(path), "an orphan mask: no image in test has its name")
        for path in tree.pictures
        if "ground_truth" in path.parts[:-1] and path not in used
    ]
    return Found(tuple(images), tuple(faults))


def _describe(path: PurePosixPath, tree: SourceTree) -> SourceImage:
    category, defect = path.parents[2], path.parts[-2]
    attributes = {"category": category.name} if category.name else {}
    if is_free(defect):
        return SourceImage(path, attributes=attributes)
    marks = category / "ground_truth" / defect / f"{path.stem}_mask{path.suffix}"
    name = class_of(defect)
    return SourceImage(
        path,
        masks=(MaskFile(marks, name),) if marks in tree else (),
        unmasked=marks not in tree,
        promised_class=name,
        attributes=attributes,
    )
