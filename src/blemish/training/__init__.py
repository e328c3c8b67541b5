"""Training: from packed splits to the weights of a network.

``train`` is the whole workflow of the first training. Beside it lie the loop that fine-tuning runs
too (``trainer``), the crops it draws (``crops``), the optimizers, rate
and averaged weights (``optimization``), the loss at every scale (``supervision``), what a
validation measures (``validator``), the state that survives a kill (``checkpoint``) and the
processes that share the work (``sharing``).
"""

from blemish.training.listener import EpochResult, Listeners, TrainingListener
from blemish.training.training_workflow import train

__all__ = ["EpochResult", "Listeners", "TrainingListener", "train"]
