"""KolektorSDD2: ``train/N.png`` and ``test/N.png``, each with its mask ``N_GT.png``.

The archive that its authors publish holds a stray pair, ``10301 (copy).png`` and its mask, equal to
``10301.png`` and its; names that end so are passed over.
"""

from blemish.importing.source import FoundImages, MaskFile, SourceImage, SourceTree
from blemish.sets import Fault


def find(tree: SourceTree) -> FoundImages | None:
    """Return the images of both folders, None when they hold no ``_GT`` mask."""
    images, faults, marked = [], [], False
    for path in tree.pictures:
        if path.parts[-2:-1] not in (("train",), ("test",)) or path.stem.endswith(" (copy)"):
            continue
        if path.stem.endswith("_GT"):
            marked = True
            image = path.with_name(f"{path.stem.removesuffix('_GT')}{path.suffix}")
            if image not in tree:
                faults.append(Fault(str(path), f"an orphan mask: there is no {image.name}"))
            continue
        mask = path.with_name(f"{path.stem}_GT{path.suffix}")
        masks = (MaskFile(mask),) if mask in tree else ()
        images.append(SourceImage(path, masks, unmasked=not masks))
    return FoundImages(tuple(images), tuple(faults)) if marked else None
