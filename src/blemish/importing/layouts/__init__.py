"""Importers: one file a family, and a row in :data:`LAYOUTS`."""

from collections.abc import Callable
from dataclasses import dataclass

from blemish.errors import DataError
from blemish.importing.layouts import (
    coco,
    kolektor,
    labelme,
    magnetic_tile,
    mvtec_ad,
    pairs,
    run_length_csv,
    yolo_seg,
)
from blemish.importing.source import FoundImages, SourceTree
from blemish.sets import Fault


@dataclass(frozen=True)
class KnownLayout:
    """A layout that people have: how to find its images, and what it looks like."""

    find: Callable[[SourceTree], FoundImages | None]
    looks_like: str


# The first that recognises a source takes it, so the particular ones stand before the general.
LAYOUTS = {
    "magnetic-tile": KnownLayout(magnetic_tile.find, "MT_<Class>/Imgs/x.jpg with x.png"),
    "mvtec-ad": KnownLayout(mvtec_ad.find, "test/DEFECT/x.png with ground_truth/DEFECT/x_mask.png"),
    "kolektor-sdd": KnownLayout(kolektor.find_items, "kosXX/PartN.jpg with PartN_label.bmp"),
    "kolektor-sdd2": KnownLayout(kolektor.find_splits, "train/N.png with N_GT.png"),
    "coco": KnownLayout(coco.find, "a .json with images, annotations and categories"),
    "labelme": KnownLayout(labelme.find, "x.jpg with x.json"),
    "yolo-seg": KnownLayout(yolo_seg.find, "images/x.jpg with labels/x.txt, an outline a line"),
    "run-length-csv": KnownLayout(run_length_csv.find, "a .csv of ImageId,ClassId,EncodedPixels"),
    "pairs": KnownLayout(
        pairs.find, "images/x.jpg with masks/x.png, x_mask.png or x.png beside x.jpg"
    ),
}


def find_images(tree: SourceTree, layout: str | None = None) -> tuple[str, FoundImages]:
    """Find the images of a source.

    Args:
        tree: The files of the source.
        layout: One of :data:`LAYOUTS`; the first that recognises the source by default.

    Returns:
        The name of the layout taken, and what was found.

    Raises:
        DataError: The source is not in the layout, or in none that is known.
    """
    for name in LAYOUTS if layout is None else [layout]:
        found = LAYOUTS[name].find(tree)
        if found is not None:
            return name, found
    corrupt = [content for _, content in tree.documents() if isinstance(content, Fault)]
    known = "\n".join(f"  {name}: {one.looks_like}" for name, one in LAYOUTS.items())
    raise DataError(
        f"{tree.root} holds {len(tree.images)} images in {len(tree.files)} files, but "
        f"{'not in layout ' + layout if layout else 'in no layout that is known'}. Arrange it as "
        f"one of these, or give each image a mask:\n{known}",
        [f"{fault.file}: {fault.problem}" for fault in corrupt],
    )
