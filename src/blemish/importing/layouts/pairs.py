"""Images with mask images, however they are paired.

``images/a.jpg`` with ``masks/a.png`` (or ``ground_truth/``, ``labels/``, ...), ``a.jpg`` with
``a_mask.png``, or ``a.jpg`` with ``a.png`` beside it, at any depth. A folder that is neither of
these is taken for the class: ``scratch/a.jpg``.
"""

from collections import defaultdict
from pathlib import PurePosixPath

from blemish.importing.source import (
    DEFAULT_CLASS,
    FoundImages,
    MaskFile,
    SourceImage,
    SourceTree,
    class_of,
    is_free,
)
from blemish.sets import Fault

_IMAGE_FOLDERS = frozenset({"images", "image", "imgs", "img", "inputs", "pictures", "photos"})
_MASK_FOLDERS = frozenset(
    {"masks", "mask", "ground_truth", "groundtruth", "gt", "labels", "annotations", "annotation"}
)
_SPLIT_FOLDERS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
_MASK_ENDINGS = ("_mask", "-mask", "_gt", "_label", "_labels", "_seg", "_segmentation")
_LOSSY = frozenset({".jpg", ".jpeg"})


def find(tree: SourceTree) -> FoundImages | None:
    """Return images with their masks, None when no file is a mask by its name or folder."""
    by_key: dict[str, list[PurePosixPath]] = defaultdict(list)
    masks: dict[str, list[PurePosixPath]] = defaultdict(list)
    for path in tree.images:
        (masks if is_mask(path) else by_key)[_key(path)].append(path)
    for key, paths in by_key.items():
        if len(paths) == 2 and key not in masks:
            mask = _mask_of_two(paths)
            masks[key] = [mask]
            paths.remove(mask)
    if not masks:
        return None
    images = [
        _describe(path, masks.get(key, [])) for key, paths in by_key.items() for path in paths
    ]
    orphans = [path for key, paths in masks.items() if key not in by_key for path in paths]
    faults = [Fault(str(path), "an orphan mask: no image has its name") for path in orphans]
    for paths in by_key.values():
        if len(paths) > 1:
            faults += [Fault(str(p), f"shares its name with {len(paths) - 1} more") for p in paths]
    return FoundImages(tuple(images), tuple(faults))


def is_mask(path: PurePosixPath) -> bool:
    """Tell whether a file is a mask by its name or its folder."""
    in_folder = any(part.lower() in _MASK_FOLDERS for part in path.parts[:-1])
    return in_folder or path.stem.lower().endswith(_MASK_ENDINGS)


def _key(path: PurePosixPath) -> str:
    """Return what an image and its mask have in common."""
    places = _IMAGE_FOLDERS | _MASK_FOLDERS
    parts = [part for part in path.parts[:-1] if part.lower() not in places]
    stem = path.stem
    if is_mask(path):
        ending = next((end for end in _MASK_ENDINGS if stem.lower().endswith(end)), "")
        stem = stem[: len(stem) - len(ending)]
    return "/".join([*parts, stem])


def _mask_of_two(paths: list[PurePosixPath]) -> PurePosixPath:
    """Of two files that differ in their ending, return the mask: it is never lossy, rather PNG."""
    return min(
        paths, key=lambda path: (path.suffix.lower() in _LOSSY, path.suffix.lower() != ".png")
    )


def _describe(path: PurePosixPath, masks: list[PurePosixPath]) -> SourceImage:
    places = _IMAGE_FOLDERS | _SPLIT_FOLDERS
    folders = [part for part in path.parts[:-1] if part.lower() not in places]
    name = class_of(folders[-1]) if folders else DEFAULT_CLASS
    return SourceImage(
        path,
        masks=tuple(MaskFile(mask, DEFAULT_CLASS if is_free(name) else name) for mask in masks),
        unmasked=not masks and not is_free(name),
    )
