"""Clean photographs: every image of a folder, nested or not, declared defect-free."""

from blemish.errors import DataError
from blemish.importing.layouts.pairs import is_mask
from blemish.importing.source import FoundImages, SourceImage, SourceTree
from blemish.terminal_text import printable


def find_clean(tree: SourceTree, labelled: FoundImages | None) -> FoundImages:
    """Return every photograph of a source.

    Args:
        tree: The files of the source.
        labelled: What a layout with labels makes of the source; None where none recognises it.

    Raises:
        DataError: The source holds labels.
    """
    shown = labelled.images if labelled else ()
    labels = sorted(
        {str(path) for path in tree.images if is_mask(path)}
        | {str(mask.file) for image in shown for mask in image.masks}
        | {str(image.annotation) for image in shown if image.annotation}
    )
    if labels:
        raise DataError(
            f"--clean declares every photograph defect-free, but {tree.root} holds {len(labels)} "
            f"masks or annotations, such as {printable(labels[0])}. Leave --clean out, or import "
            "a folder of clean photographs alone."
        )
    return FoundImages(tuple(SourceImage(path) for path in tree.images))
