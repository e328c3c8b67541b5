"""Makes ``docs/pictures/prediction.png``: image, truth and prediction, row below row.

    python docs/prediction.py

Takes test images that the pipeline drew, one for each of a few classes, spread by the Dice that
the model reached on them, so that the image is neither the best nor the worst of it.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blemish.config import find_workspace
from blemish.files import write_bytes
from blemish.inference import Segmenter
from blemish.metrics.pixels import count
from blemish.packed import PackedSet
from blemish.visualization import encode_png, overlay_truth

CLASSES = ("scratch", "crack", "inclusion", "patch", "blowhole", "chip")
GAP = 4

Image = NDArray[np.uint8]


def main() -> None:
    """Draw the image from the outputs of the pipeline in this checkout."""
    workspace = find_workspace()
    test = PackedSet.open(workspace.path("synthetic_splits"), "test")
    segmenter = Segmenter.from_file(workspace.path("exported") / "model.fp32.onnx")
    columns = [column(segmenter, test, median_of(segmenter, test, name)) for name in CLASSES]
    target = Path(__file__).parent / "pictures" / "prediction.png"
    write_bytes(target, encode_png(np.concatenate(columns, axis=1)[:, GAP:]))


def median_of(segmenter: Segmenter, test: PackedSet, name: str) -> int:
    """Return the index of the image of a class whose Dice is the median of that class."""
    members = [
        index
        for index in range(len(test))
        if [defect.class_name for defect in test.annotation(index).defects] == [name]
    ]
    ranked = sorted(members, key=lambda index: (dice_of(segmenter, test, index), index))
    return ranked[len(ranked) // 2]


def dice_of(segmenter: Segmenter, test: PackedSet, index: int) -> float:
    """Return the Dice of one image."""
    return count(segmenter.predict(test.image(index)).mask, test.mask(index)).dice


def column(segmenter: Segmenter, test: PackedSet, index: int) -> Image:
    """Return image, truth and overlay below each other, shape ``(3 H, W, 3)`` and gaps."""
    image, truth = test.image(index), test.mask(index)
    predicted = segmenter.predict(image).mask
    plain = np.repeat(image[..., None], 3, axis=2)
    drawn = np.repeat((truth * np.uint8(255))[..., None], 3, axis=2)
    stack = [plain, drawn, overlay_truth(image, predicted, truth)]
    framed = [np.pad(part, ((0, GAP), (GAP, 0), (0, 0)), constant_values=255) for part in stack]
    return np.concatenate(framed, axis=0)[:-GAP]


if __name__ == "__main__":
    main()
