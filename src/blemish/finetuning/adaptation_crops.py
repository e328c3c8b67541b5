"""Which crops fine-tuning shows: balanced over sets, classes and defects.

A share of synthetic crops keeps what the network knew. Of each set, a share of the crops lies near
a defect - every class alike, whatever the number of its images - and the rest anywhere in the
photographs, clean ones included. Some of the defects are pasted into another photograph of the set.
"""

from collections.abc import Sequence

import numpy as np

from blemish.arrays import Plane
from blemish.augmentation import change_exposure
from blemish.config.finetune import Finetune
from blemish.finetuning.set_images import SetImages
from blemish.finetuning.transplant import transplant
from blemish.training.crops import (
    SyntheticCrops,
    TrainingImage,
    anywhere,
    cut_unexposed,
    near_defect,
)


class AdaptationCrops:
    """Crops of the user's sets and of synthetic images.

    Args:
        sets: The user's sets, at least one.
        synthetic: Draws the synthetic crops.
        params: Shares, augmentation, crop size, seed.
    """

    def __init__(
        self, sets: Sequence[SetImages], synthetic: SyntheticCrops, params: Finetune
    ) -> None:
        self._sets, self._synthetic, self._params = sets, synthetic, params

    def draw(self, epoch: int, numbers: range) -> tuple[Plane, Plane]:
        """Return crops and their truth, as ``CropSource`` says."""
        size = self._params.crop
        crops, truths = (np.empty((len(numbers), 1, size, size), np.uint8) for _ in range(2))
        for place, number in enumerate(numbers):
            rng = np.random.Generator(np.random.PCG64((self._params.seed, epoch, number)))
            crops[place, 0], truths[place, 0] = self._draw_one(rng)
        return crops, truths

    def _draw_one(self, rng: np.random.Generator) -> tuple[Plane, Plane]:
        if rng.random() < self._params.synthetic_share:
            return self._synthetic.draw_one(rng)
        members = self._sets[int(rng.integers(len(self._sets)))]
        crop, truth = self._unexposed(rng, members)
        return change_exposure(rng, crop, self._params.augmentation), truth

    def _unexposed(self, rng: np.random.Generator, members: SetImages) -> tuple[Plane, Plane]:
        params = self._params
        if not (rng.random() < params.defect_share and (members.classes or members.drawn)):
            return self._anywhere(rng, members)
        image = _with_defect(rng, members, params.drawn_worth)
        centre = near_defect(rng, image, params.crop)
        crop = cut_unexposed(rng, image, centre, params.crop, params.augmentation)
        if rng.random() < params.transplant_share:
            return transplant(self._anywhere(rng, members), crop)
        return crop

    def _anywhere(self, rng: np.random.Generator, members: SetImages) -> tuple[Plane, Plane]:
        """Cut a crop anywhere in any photograph of a set."""
        image, params = members.images[rng.integers(len(members.images))], self._params
        centre = anywhere(rng, image, params.crop)
        return cut_unexposed(rng, image, centre, params.crop, params.augmentation)


def _with_defect(rng: np.random.Generator, members: SetImages, drawn_worth: float) -> TrainingImage:
    """Choose an image of a set that shows a defect: a drawn one, or one of any labelled class.

    Drawn defects matter the less the more labelled images there are, whatever their classes.
    """
    share = drawn_worth / max(drawn_worth + members.labelled, 1e-9)
    if members.drawn and (not members.classes or rng.random() < share):
        return members.drawn[int(rng.integers(len(members.drawn)))]
    kinds = [members.classes[name] for name in sorted(members.classes)]
    images = kinds[int(rng.integers(len(kinds)))]
    return images[int(rng.integers(len(images)))]
