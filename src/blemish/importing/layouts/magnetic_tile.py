"""Magnetic-tile defects (Huang, Qiu, Yuan 2018): ``MT_<Class>/Imgs/x.jpg``, its mask ``x.png``.

The masks have soft edges. Where a ``groups.csv`` lies beside the folders, it keeps the exposures
of one tile together.
"""

import re

from blemish.importing.source import (
    FoundImages,
    MaskFile,
    SourceImage,
    SourceTree,
    class_of,
    is_free,
)
from blemish.sets import Fault

_FOLDER = re.compile(r"MT_([A-Za-z]+)")


def find(tree: SourceTree) -> FoundImages | None:
    """Return the tiles of a source, None when it has no ``MT_<Class>/Imgs``."""
    images, faults = [], []
    for path in tree.images:
        match = _FOLDER.fullmatch(path.parts[-3]) if len(path.parts) >= 3 else None
        if match is None or path.parts[-2] != "Imgs":
            continue
        name = class_of(match.group(1))
        mask = path.with_suffix(".png")
        if path.suffix == ".png":
            if path.with_suffix(".jpg") not in tree:
                faults.append(Fault(str(path), "an orphan mask: no .jpg has its name"))
            continue
        images.append(
            SourceImage(
                path,
                masks=(MaskFile(mask, name, soft=True),) if mask in tree else (),
                unmasked=mask not in tree and not is_free(name),
                promised_class=None if is_free(name) else name,
            )
        )
    return FoundImages(tuple(images), tuple(faults)) if images or faults else None
