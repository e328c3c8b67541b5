"""How long fine-tuning takes: a fixed number of steps, by a rule measured on real sets.

A few labelled images leave none to choose the best epoch by, and of few validation images the best
epoch is chance. So the learning rate falls to its end over a number of steps that grows with the
number of labelled images, and the averaged weights of the last step are the result.
"""

import math

from blemish.config.finetune import Finetune, Steps
from blemish.training.optimization import Schedule

EPOCH_STEPS = 40
"""Steps between two checkpoints, validations and points of the curves."""


def steps_for(labelled: int, rule: Steps) -> int:
    """Return the number of optimizer steps, a multiple of ``EPOCH_STEPS``.

    Args:
        labelled: Training images that show a labelled defect.
        rule: The ``finetune.steps`` block.
    """
    wanted = min(rule.least + rule.per_image * labelled, rule.most)
    return math.ceil(wanted / EPOCH_STEPS) * EPOCH_STEPS


def schedule_for(labelled: int, params: Finetune, share: float = 1.0) -> Schedule:
    """Return the schedule for some labelled images.

    Args:
        labelled: Training images that show a labelled defect.
        params: The rule, the learning rate, the window of the averaged weights.
        share: Of the steps by the rule.
    """
    epochs = math.ceil(steps_for(labelled, params.steps) * share / EPOCH_STEPS)
    steps = epochs * EPOCH_STEPS
    return Schedule(
        epochs=epochs,
        steps=EPOCH_STEPS,
        learning_rate=params.learning_rate,
        warmup_epochs=params.warmup * epochs,
        ema_decay=1.0 - 1.0 / max(2.0, params.average * steps),
    )
