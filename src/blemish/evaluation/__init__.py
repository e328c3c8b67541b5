"""Evaluation: from trained weights to a threshold and to figures that an inspector would trust.

``evaluate`` is the whole workflow. Beside it lie the choice of the threshold (``choice``), what is
measured on one image (``judging``, of what ``prediction`` answers), how results are grouped and
summarized (``summary``), what is written (``reports``), and the pictures (``gallery``).
"""

from blemish.evaluation.workflow import evaluate

__all__ = ["evaluate"]
