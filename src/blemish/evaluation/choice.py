"""The threshold: chosen on validation images, with a view to metal that nobody has seen.

The best threshold on validation images lies on a plateau, and its exact place is chance. So the
middle of the plateau is taken, which is furthest from both of its edges when pictures change.
Before that, thresholds that mark too many free images are ruled out: on a line, most parts are
free, and one mark on each costs more than a little Dice. How much Dice that may cost is bounded
too, or a model that sees little would end with a threshold at which it finds nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from blemish.config.evaluate import ThresholdRule
from blemish.errors import DataError
from blemish.metrics.thresholds import ThresholdHistogram

Map = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Choice:
    """A threshold and what it gives on the validation split."""

    threshold: float
    """A multiple of 1/1024 in ``(0, 1)``."""
    dice: float
    """Pooled over the pixels of a set, mean over the sets that hold a defect."""
    false_alarms: float
    """Share of the free images with any mark; 0.0 without free images."""
    bounded: bool
    """Whether ``false_alarms`` keeps the bound asked for."""


def choose_threshold(
    images: Iterable[tuple[str, Map, Mask]], rule: ThresholdRule
) -> tuple[Choice, ThresholdHistogram]:
    """Choose by the rule above.

    Args:
        images: For each validation image its set, probability and truth, both ``(H, W)``.
        rule: The bound on false alarms and the height of the plateau.

    Returns:
        The choice, and the histogram over all pixels of the split.

    Raises:
        DataError: No validation image holds a defect.
    """
    histograms: dict[str, ThresholdHistogram] = {}
    pooled = ThresholdHistogram()
    highest = []
    for name, probability, truth in images:
        histograms.setdefault(name, ThresholdHistogram()).add(probability, truth)
        pooled.add(probability, truth)
        if not truth.any():
            highest.append(float(probability.max()))
    return _choose(histograms, np.asarray(highest), rule), pooled


def _choose(
    histograms: Mapping[str, ThresholdHistogram],
    highest: npt.NDArray[np.float64],
    rule: ThresholdRule,
) -> Choice:
    defective = [h for _, h in sorted(histograms.items()) if h.positive.any()]
    if not defective:
        raise DataError(
            "No validation image holds a defect, so no threshold can be chosen. Raise "
            "preprocess.split.val or add images, then run: dvc repro"
        )
    thresholds = defective[0].sweep().threshold
    dice = np.mean([h.sweep().dice for h in defective], axis=0)
    alarms = np.array([(highest >= t).mean() if highest.size else 0.0 for t in thresholds])
    affordable = dice >= dice.max() - rule.price
    allowed = affordable & (alarms <= max(rule.false_alarms, alarms[affordable].min()))
    best = dice[allowed].max()
    plateau = np.flatnonzero(allowed & (dice >= best - rule.plateau))
    chosen = int(plateau[len(plateau) // 2])
    return Choice(
        threshold=float(thresholds[chosen]),
        dice=float(dice[chosen]),
        false_alarms=float(alarms[chosen]),
        bounded=bool(alarms[chosen] <= rule.false_alarms),
    )
