"""Evaluation: from trained weights to an operating point and metrics that an inspector would trust.

``evaluate`` is the whole workflow. Beside it lie the choice of threshold and peak (``choice``),
what is measured on one image (``judging``, of what ``fast_network`` answers), how results are
grouped and summarized (``summary``), what is written (``reports``), and the images (``gallery``).
"""

from blemish.evaluation.evaluation_workflow import SplitFolders, evaluate

__all__ = ["SplitFolders", "evaluate"]
