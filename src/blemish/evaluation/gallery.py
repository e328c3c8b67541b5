"""The worst images and fixed examples, each drawn as a row: image, truth, prediction, overlay."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from blemish.arrays import Map, Mask, Plane
from blemish.config.evaluate import Gallery
from blemish.evaluation.judging import ImageResult
from blemish.operating_point import OperatingPoint
from blemish.visualization import create_heatmap, encode_png, overlay_truth, side_by_side

_PANE = 320  # px, longest side of a pane: four of them fit a screen
_CAPTION = 22


def choose_images(results: Sequence[ImageResult], params: Gallery) -> dict[str, ImageResult]:
    """Name what to show, by file name.

    ``worst-01.png`` and so on have the least Dice, the more wrong pixels the earlier. The examples
    of a class (and of defect-free images) depend on the test split alone, so that ``dvc plots
    diff`` lays the same image of two experiments side by side.
    """
    worst = sorted(results, key=lambda r: (r.counts.dice, -r.counts.fp - r.counts.fn, r.image_id))
    chosen = {f"worst-{k:02}": r for k, r in enumerate(worst[: params.worst], start=1)}
    classes = sorted({name for result in results for name in result.classes})
    for name in classes:
        found = [result for result in results if name in result.classes]
        chosen |= _examples(name, found, params.per_class)
    chosen |= _examples("free", [r for r in results if not r.defective], params.per_class)
    return chosen


def _examples(name: str, found: Sequence[ImageResult], count: int) -> dict[str, ImageResult]:
    safe = "".join(c if c.isalnum() else "-" for c in name)
    return {f"example-{safe}-{k}": result for k, result in enumerate(found[:count], start=1)}


def draw_image(
    result: ImageResult,
    plane: Plane,
    truth: Mask,
    probability: Map,
    point: OperatingPoint,
) -> bytes:
    """Draw image, truth, probability and overlay beside each other, with a caption.

    Args:
        result: Metrics for the caption.
        plane: Shape ``(H, W)``, uint8.
        truth: Same shape.
        probability: Same shape, in ``[0, 1]``.
        point: Which pixels are marked.

    Returns:
        A PNG.
    """
    predicted = point.mark(probability)
    panes = [
        plane,
        truth.astype(np.uint8) * np.uint8(255),
        create_heatmap(probability),
        overlay_truth(plane, predicted, truth),
    ]
    row = side_by_side([_fit(pane) for pane in panes])
    return encode_png(np.concatenate([_caption(result, row.shape[1]), row]))


def _caption(result: ImageResult, width: int) -> npt.NDArray[np.uint8]:
    """Draw a line of text, black on white, shape ``(_CAPTION, width, 3)``."""
    caption = np.full((_CAPTION, width, 3), 255, np.uint8)
    classes = ", ".join(result.classes) or "defect-free"
    text = (
        f"{result.annotation.set_name} {result.image_id}: {classes}; Dice {result.counts.dice:.3f}"
    )
    ascii_text = text.encode("ascii", "replace").decode()
    cv2.putText(caption, ascii_text, (2, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1)
    return caption


def draw_all(
    chosen: dict[str, ImageResult], draw: Callable[[ImageResult], bytes]
) -> dict[str, bytes]:
    """Draw each image once, whatever the number of names it goes by."""
    drawn: dict[int, bytes] = {}
    for result in chosen.values():
        if result.index not in drawn:
            drawn[result.index] = draw(result)
    return {f"{name}.png": drawn[result.index] for name, result in chosen.items()}


def _fit(pane: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Shrink a large pane; smaller ones stay as they are."""
    height, width = pane.shape[:2]
    factor = _PANE / max(height, width)
    if factor >= 1:
        return pane
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(cv2.resize(pane, size, interpolation=cv2.INTER_AREA), np.uint8)
