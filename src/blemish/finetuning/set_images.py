"""The user's training images in memory: defects by class, and everything else of a set."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from blemish.packed import PackedSet
from blemish.training.crops import TrainingImage, read_image


@dataclass
class SetImages:
    """The training images of one set."""

    name: str
    images: list[TrainingImage] = field(default_factory=list)
    """All photographs of the set, labelled and clean ones."""
    classes: dict[str, list[TrainingImage]] = field(default_factory=lambda: defaultdict(list))
    """By class the images that show it, with the anchors of that class alone."""
    drawn: Sequence[TrainingImage] = ()
    """Photographs of the set onto which defects were drawn."""
    labelled: int = 0
    """Photographs that show a labelled defect."""


def read_sets(packed: PackedSet) -> tuple[SetImages, ...]:
    """Decode the training split of the user's sets, set by set in the order of their names."""
    sets: dict[str, SetImages] = {}
    for index in range(len(packed)):
        annotation = packed.annotation(index)
        members = sets.setdefault(annotation.set_name, SetImages(annotation.set_name))
        image = read_image(packed, index)
        members.images.append(image)
        members.labelled += bool(image.anchors)
        names = [defect.class_name for defect in annotation.defects]
        for name in dict.fromkeys(names):
            anchors = _anchors_of(image, packed.instances(index), names, name)
            if anchors:
                shown = replace(image, anchors=anchors)
                members.classes[name].append(shown)
    return tuple(sets[name] for name in sorted(sets))


def _anchors_of(
    image: TrainingImage, instances: np.ndarray, names: Sequence[str], name: str
) -> tuple[np.ndarray, ...]:
    """Return the anchors of an image's defects of one class."""
    flat = instances.ravel()
    return tuple(own for own in image.anchors if names[int(flat[own[0]]) - 1] == name)
