"""The training images of a set, made up."""

import numpy as np

from blemish.finetuning.set_images import SetImages
from blemish.training.crops import training_image


def members(name: str, classes: dict[str, int], clean: int = 0) -> SetImages:
    """Make a set with so many images of each class; each class has a grey level of its own."""
    result = SetImages(name)
    instances = np.zeros((64, 64), np.uint16)
    instances[28:36, 28:36] = 1
    for place, (kind, count) in enumerate(classes.items()):
        for _ in range(count):
            level = np.full((64, 64), 50 * (place + 1), np.uint8)
            result.classes[kind].append(training_image(level, instances))
            result.images.append(result.classes[kind][-1])
            result.labelled += 1
    empty = np.zeros((64, 64), np.uint16)
    result.images += [training_image(np.full((64, 64), 255, np.uint8), empty)] * clean
    return result
