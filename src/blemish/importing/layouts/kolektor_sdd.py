"""KolektorSDD: ``kosXX/PartN.jpg`` with ``PartN_label.bmp``; a ``kosXX`` is one physical item."""

import re

from blemish.importing.source import FoundImages, MaskFile, SourceImage, SourceTree
from blemish.sets import Fault

_ITEM = re.compile(r"kos\d+")
_CLASS = "crack"  # the authors: microscopic fractions or cracks on the surface


def find(tree: SourceTree) -> FoundImages | None:
    """Return the images of every item, None when no ``kosXX`` folder holds a ``_label``."""
    images, faults, labels = [], [], False
    for path in tree.pictures:
        if len(path.parts) < 2 or not _ITEM.fullmatch(path.parts[-2]):
            continue
        if path.stem.endswith("_label"):
            labels = True
            image = path.with_name(f"{path.stem.removesuffix('_label')}.jpg")
            if image not in tree:
                faults.append(Fault(str(path), f"an orphan mask: there is no {image.name}"))
            continue
        mask = path.with_name(f"{path.stem}_label.bmp")
        masks = (MaskFile(mask, _CLASS),) if mask in tree else ()
        images.append(SourceImage(path, masks, unmasked=not masks, group=path.parts[-2]))
    return FoundImages(tuple(images), tuple(faults)) if labels else None
