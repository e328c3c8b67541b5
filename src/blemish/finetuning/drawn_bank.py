"""Defects drawn onto the user's own defect-free photographs, as training images."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from lightning_fabric import Fabric
from numpy.typing import NDArray

from blemish.config.finetune import Finetune
from blemish.finetuning.bank_sheet import bank_sheet
from blemish.finetuning.set_images import SetImages
from blemish.photographs.bank import DrawnPhotograph, Photograph, draw_bank
from blemish.training.crops import TrainingImage, training_image
from blemish.training.sharing import by_first_process

Track = Callable[[Iterable[Any], int], Iterable[Any]]
"""Passes items on and shows how many of how many have passed."""


SHOWN = 24
"""Images on a contact sheet."""


def add_drawn(
    sets: Sequence[SetImages], params: Finetune, fabric: Fabric, *, workers: int, track: Track
) -> dict[str, NDArray[np.uint8]]:
    """Draw defects onto the defect-free photographs of each set, and keep the images with it.

    A set without a defect-free photograph gets none.

    Args:
        sets: The user's sets; ``drawn`` of each is filled.
        params: How many images, what is drawn, the seed.
        fabric: The processes that train; the first draws, all of them get the images.
        workers: Number of processes; changes no byte.
        track: Shows progress.

    Returns:
        By set a contact sheet of its first images, shape ``(H, W, 3)``, uint8, RGB.
    """
    drawn = by_first_process(fabric, lambda: _draw_sets(sets, params, workers, track))
    for members in sets:
        members.drawn = drawn[members.name][0] if members.name in drawn else ()
    return {name: bank_sheet(shown) for name, (_, shown) in drawn.items()}


def _draw_sets(
    sets: Sequence[SetImages], params: Finetune, workers: int, track: Track
) -> dict[str, tuple[list[TrainingImage], list[DrawnPhotograph]]]:
    """Return for each set with a defect-free photograph what trains, and what its sheet shows."""
    found = {}
    for members in sets:
        photographs = [
            Photograph(image.name, image.image, None if image.region is None else image.region > 0)
            for image in members.images
            if not image.anchors
        ]
        if photographs and params.drawn_images:
            bank = draw_bank(
                photographs,
                params.drawing,
                seed=params.seed,
                count=params.drawn_images,
                workers=workers,
            )
            groups = {image.name: image.group for image in members.images}
            shown: list[DrawnPhotograph] = []
            drawn = []
            for each in track(bank, params.drawn_images):
                image = training_image(each.image, each.instances, each.region)
                drawn.append(replace(image, group=groups[each.source]))
                shown += [each] if len(shown) < SHOWN else []
            found[members.name] = ([image for image in drawn if image.anchors], shown)
    return found
