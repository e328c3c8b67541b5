"""Both KolektorSDD: photographs, each with a mask of its name and an ending to it.

KolektorSDD has ``kosXX/PartN.jpg`` with ``PartN_label.bmp``; a ``kosXX`` is one physical item.
KolektorSDD2 has ``train/N.png`` and ``test/N.png`` with ``N_GT.png``. The archive that its authors
publish holds a stray pair, ``10301 (copy).png`` and its mask, equal to ``10301.png`` and its; names
that end so are passed over.
"""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from blemish.importing.source import FoundImages, MaskFile, SourceImage, SourceTree
from blemish.sets import Fault

_ITEM = re.compile(r"kos\d+")
_CLASS = "crack"  # the authors: microscopic fractions or cracks on the surface


def find_items(tree: SourceTree) -> FoundImages | None:
    """Return the images of every item, None when no ``kosXX`` folder holds a ``_label``."""
    files = [path for path in tree.images if _ITEM.fullmatch(path.parent.name)]
    return _find(tree, files, "_label", items=True)


def find_splits(tree: SourceTree) -> FoundImages | None:
    """Return the images of ``train`` and ``test``, None when they hold no ``_GT`` mask."""
    files = [path for path in tree.images if path.parent.name in ("train", "test")]
    return _find(tree, (p for p in files if not p.stem.endswith(" (copy)")), "_GT", items=False)


def _find(
    tree: SourceTree, files: Iterable[PurePosixPath], mark: str, *, items: bool
) -> FoundImages | None:
    images, faults, marked = [], [], False
    for path in files:
        if path.stem.endswith(mark):
            marked = True
            ending = ".jpg" if items else path.suffix
            image = path.with_name(f"{path.stem.removesuffix(mark)}{ending}")
            if image not in tree:
                faults.append(Fault(str(path), f"an orphan mask: there is no {image.name}"))
            continue
        mask = path.with_name(f"{path.stem}{mark}{'.bmp' if items else path.suffix}")
        masks = (MaskFile(mask, _CLASS) if items else MaskFile(mask),) if mask in tree else ()
        group = path.parent.name if items else None
        images.append(SourceImage(path, masks, unmasked=not masks, group=group))
    return FoundImages(tuple(images), tuple(faults)) if marked else None
