"""What is measured on one test image, and on each of its defects."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from blemish.arrays import Map, Mask
from blemish.config.evaluate import Evaluate
from blemish.metrics import (
    Counts,
    ObjectCounts,
    boundary_f_score,
    count,
    count_objects,
    image_score,
)
from blemish.operating_point import OperatingPoint
from blemish.packed import Annotation, PackedDefect

Instances = npt.NDArray[np.uint16]


@dataclass(frozen=True)
class DefectResult:
    """One true defect: its pixels found and missed, and the false marks nearest to it."""

    defect: PackedDefect
    counts: Counts
    found: bool

    @property
    def coverage(self) -> float:
        """Share of its pixels that are marked, in ``[0, 1]``."""
        return self.counts.recall


@dataclass(frozen=True)
class ImageResult:
    """One test image at the chosen operating point."""

    index: int
    """Its place in the packed split."""
    image_id: str
    """Unique over all sets of the split."""
    annotation: Annotation
    counts: Counts
    objects: ObjectCounts
    boundary_f: float
    score: float
    """How defective it looks, in ``[0, 1]``."""
    defects: tuple[DefectResult, ...]

    @property
    def defective(self) -> bool:
        """Whether it holds a defect."""
        return self.counts.tp + self.counts.fn > 0

    @property
    def marked(self) -> bool:
        """Whether any pixel is marked."""
        return self.counts.tp + self.counts.fp > 0

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes of its defects, sorted."""
        return tuple(sorted({result.defect.class_name for result in self.defects}))


def judge_image(
    index: int,
    image_id: str,
    annotation: Annotation,
    *,
    probability: Map,
    instances: Instances,
    point: OperatingPoint,
    params: Evaluate,
) -> ImageResult:
    """Measure one image.

    Args:
        index: Its place in the split.
        image_id: Its name, unique over all sets.
        annotation: What is known of it.
        probability: Shape ``(H, W)``, in ``[0, 1]``.
        instances: Same shape, 0 without a defect and ``k`` the k-th defect of the annotation.
        point: Which pixels are marked.
        params: Tolerances.
    """
    predicted = point.mark(probability)
    truth = instances > 0
    return ImageResult(
        index=index,
        image_id=image_id,
        annotation=annotation,
        counts=count(predicted, truth),
        objects=count_objects(predicted, instances, overlap=params.object_overlap),
        boundary_f=boundary_f_score(predicted, truth, tolerance=params.boundary_tolerance),
        score=image_score(probability),
        defects=judge_defects(predicted, instances, annotation.defects, params.object_overlap),
    )


def judge_defects(
    predicted: Mask, instances: Instances, defects: Sequence[PackedDefect], overlap: float
) -> tuple[DefectResult, ...]:
    """Give each defect its own counts; a false mark belongs to the defect nearest to its pixel.

    So the counts of all defects of an image add up to the image's, and there is a Dice for each
    class, size and visibility. False marks on defect-free images belong to no defect.

    Args:
        predicted: Shape ``(H, W)``, bool.
        instances: Same shape, 0 without a defect and ``k`` the k-th defect.
        defects: What is known of each.
        overlap: Share of a defect that must be marked to count it as found.
    """
    if not defects:
        return ()
    owner = _nearest_defect(predicted, instances)
    size = len(defects) + 1
    area = np.bincount(instances.ravel(), minlength=size)
    found = np.bincount(instances[predicted], minlength=size)
    false = np.bincount(owner[predicted & (instances == 0)], minlength=size)
    return tuple(
        DefectResult(
            defect,
            Counts(int(found[k]), int(false[k]), int(area[k] - found[k])),
            found=bool(area[k] and found[k] >= overlap * area[k]),
        )
        for k, defect in enumerate(defects, start=1)
    )


def _nearest_defect(predicted: Mask, instances: Instances) -> Instances:
    """Return the number of the defect nearest to each pixel, where any is needed."""
    if not instances.any() or not (predicted & (instances == 0)).any():
        return instances
    rows, columns = ndimage.distance_transform_edt(
        instances == 0, return_distances=False, return_indices=True
    )
    nearest: Instances = instances[rows, columns]
    return nearest


def unique_ids(annotations: Sequence[Annotation]) -> tuple[str, ...]:
    """Name images uniquely: by their own id, with their set before it where two sets share one."""
    ids = [annotation.image_id for annotation in annotations]
    repeated = {name for name in ids if ids.count(name) > 1} if len(set(ids)) < len(ids) else set()
    return tuple(
        f"{annotation.set_name}.{annotation.image_id}"
        if annotation.image_id in repeated
        else annotation.image_id
        for annotation in annotations
    )
