"""What to label or check next: where model and mask disagree, and where the model is least sure.

Labels disagree with a model where one of the two is wrong, and after fine-tuning that is often the
label (Northcutt, Jiang, Chuang, 2021). Unlabelled photographs teach most where the model is unsure
(Lewis, Gale, 1994).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from blemish.arrays import Map, Mask, Plane
from blemish.errors import ImageError
from blemish.folder_walk import IMAGE_SUFFIXES, LeftOut, walk_folder
from blemish.imaging import DEFAULT_LIMITS, Limits, decode_image
from blemish.operating_point import OperatingPoint, within
from blemish.sets import ImageSet
from blemish.visualization import create_heatmap, overlay_outline, side_by_side

Kind = Literal["labelled", "clean", "unlabelled"]

_TOLERANCE_PX = 2  # about a label's outline, where no two people draw the same


@dataclass(frozen=True)
class PhotographToRank:
    """A photograph to rank.

    Attributes:
        name: Its id in the set, or its path in the folder.
        kind: ``labelled`` by a mask, declared ``clean``, or ``unlabelled``.
        plane: Shape ``(H, W)``, uint8.
        mask: Same shape, the label; None where there is none. A clean one has an empty mask.
        region: Same shape, the region of interest; None: the whole image.
    """

    name: str
    kind: Kind
    plane: Plane
    mask: Mask | None
    region: Mask | None = None


@dataclass(frozen=True)
class Suggestion:
    """Why a person should look at a photograph.

    Attributes:
        name: Name of the photograph.
        kind: As of the photograph.
        marked_px: Defective area that the model expects outside the label, in pixels.
        missed_px: Labelled area in which the model expects no defect, in pixels.
        unsure_px: Area in which the model is undecided, in pixels.
    """

    name: str
    kind: Kind
    marked_px: float
    missed_px: float
    unsure_px: float

    @property
    def disagreement_px(self) -> float:
        """Area in which model and label disagree, in pixels; 0 without a label."""
        return self.marked_px + self.missed_px

    def describe(self) -> str:
        """Say what to look for."""
        if self.kind == "unlabelled" or not self.disagreement_px:
            return f"the model is undecided over {self.unsure_px:.0f} px"
        if self.kind == "clean":
            return f"declared clean, but the model expects a defect of {self.marked_px:.0f} px"
        if self.missed_px > self.marked_px:
            return f"labelled, but the model expects no defect over {self.missed_px:.0f} px"
        return f"not labelled, but the model expects a defect of {self.marked_px:.0f} px"


@dataclass(frozen=True)
class Suggestions:
    """Photographs most worth a person's look."""

    check: tuple[Suggestion, ...]
    """Labelled and clean ones, largest disagreement first: labels that may be wrong."""
    label: tuple[Suggestion, ...]
    """Unlabelled ones, the least sure first: labels that would teach most."""


def rank_photographs(
    photographs: Iterable[PhotographToRank],
    probability: Callable[[Plane], Map],
    point: OperatingPoint,
) -> Suggestions:
    """Rank photographs by how much a person's look is worth.

    Args:
        photographs: Looked at one by one.
        probability: Gives the probability map ``(H, W)`` of a plane.
        point: The operating point of the model.
    """
    judged = [judge_photograph(one, probability(one.plane), point) for one in photographs]
    labelled = [one for one in judged if one.kind != "unlabelled" and one.disagreement_px > 0]
    unlabelled = [one for one in judged if one.kind == "unlabelled"]
    return Suggestions(
        tuple(sorted(labelled, key=lambda one: (-one.disagreement_px, one.name))),
        tuple(sorted(unlabelled, key=lambda one: (-one.unsure_px, one.name))),
    )


def judge_photograph(photograph: PhotographToRank, found: Map, point: OperatingPoint) -> Suggestion:
    """Compare a probability map with the label of its photograph.

    Args:
        photograph: With or without a label.
        found: Its probability map, shape ``(H, W)``.
        point: The operating point; marks that do not reach its peak do not count.
    """
    inside = np.ones(found.shape, np.bool_) if photograph.region is None else photograph.region
    certainty = _centre(found, point.threshold)
    unsure = float((4 * certainty * (1 - certainty))[inside].sum(dtype=np.float64))
    marked = missed = 0.0
    if photograph.mask is not None:
        near, core = _band(photograph.mask)
        extra = point.mark(within(found, photograph.region)) & ~near
        lost = core & inside & (found < point.threshold)
        marked = float(found[extra].sum(dtype=np.float64))
        missed = float((1 - found[lost]).sum(dtype=np.float64))
    sizes = (round(value, 1) for value in (marked, missed, unsure))
    return Suggestion(photograph.name, photograph.kind, *sizes)


def _centre(found: Map, threshold: float) -> NDArray[np.float32]:
    """Stretch probabilities so that the threshold, where the model is undecided, is one half."""
    low = min(max(threshold, 1e-3), 1 - 1e-3)
    below = 0.5 * found / low
    above = 1 - 0.5 * (1 - found) / (1 - low)
    return np.where(found < low, below, above).astype(np.float32)


def _band(mask: Mask) -> tuple[Mask, Mask]:
    """Return a label grown by the tolerance, and shrunk by it; thin labels stay whole."""
    kernel = np.ones((2 * _TOLERANCE_PX + 1,) * 2, np.uint8)
    near = cv2.dilate(mask.view(np.uint8), kernel) > 0
    core = cv2.erode(mask.view(np.uint8), kernel) > 0
    count, parts = cv2.connectedComponents(mask.view(np.uint8), connectivity=8)
    kept = np.zeros(count, np.bool_)
    kept[np.unique(parts[core])] = True
    kept[0] = True
    return near, core | ~kept[parts]


def set_photographs(images: ImageSet) -> Iterator[PhotographToRank]:
    """Yield the photographs of a set with their labels."""
    for index in range(len(images)):
        yield set_photograph(images, index)


def set_photograph(images: ImageSet, index: int) -> PhotographToRank:
    """Return one photograph of a set with its label."""
    row, plane = images.rows[index], images.image(index)
    if plane.dtype == np.uint16:
        plane = (plane // 257).astype(np.uint8)
    kind: Kind = "clean" if row.clean else "labelled"
    mask = images.mask(index)
    return PhotographToRank(row.image_id, kind, plane.astype(np.uint8), mask, images.region)


def count_photographs(folder: Path) -> int:
    """Return how many files below a folder are called like images."""
    return sum(path.suffix.lower() in IMAGE_SUFFIXES for path in walk_folder(folder).files)


def folder_photographs(
    folder: Path,
    left_out: list[LeftOut],
    limits: Limits = DEFAULT_LIMITS,
    bits: int | None = None,
    *,
    region: Mask | None = None,
) -> Iterator[PhotographToRank]:
    """Yield the photographs below a folder, which nobody has labelled.

    Args:
        folder: Walked as an import walks it.
        left_out: Takes the files and folders that cannot be read, with the reason.
        limits: The largest image to decode.
        bits: Depth of the camera, of 16-bit files that declare none.
        region: The region of interest of the set that they may join, shape ``(H, W)``; it holds for
            photographs of its size, and of others the whole image counts.
    """
    walk = walk_folder(folder)
    left_out += walk.unreadable
    for inside in walk.files:
        if inside.suffix.lower() not in IMAGE_SUFFIXES:
            continue
        try:
            plane = decode_image((folder / inside).read_bytes(), limits, bits).plane
        except (ImageError, OSError) as error:
            left_out.append(LeftOut(str(folder / inside), str(error)))
            continue
        fits = region is not None and region.shape == plane.shape
        shown = region if fits else None
        yield PhotographToRank(str(folder / inside), "unlabelled", plane, None, shown)


def draw_suggestion(photograph: PhotographToRank, probability: Map) -> NDArray[np.uint8]:
    """Draw photograph, label and heatmap side by side: RGB, shape ``(H, W', 3)``, uint8."""
    panes: list[NDArray[np.uint8]] = [photograph.plane]
    if photograph.mask is not None:
        panes.append(overlay_outline(photograph.plane, photograph.mask))
    return side_by_side([*panes, create_heatmap(within(probability, photograph.region))])
