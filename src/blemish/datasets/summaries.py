"""One figure of many images, small enough to travel in a model file."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 10
QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
DIGITS = 6


def summarise_figure(values: NDArray[np.float64]) -> dict[str, Any]:
    """Summarise a figure.

    Args:
        values: One for each image, shape ``(N,)``, finite; at least one.

    Returns:
        ``mean``, ``std``, ``quantiles`` (at :data:`QUANTILES`), ``edges`` (the inner deciles) and
        ``counts`` (one more than edges): finite numbers.
    """
    edges = np.unique(np.round(np.quantile(values, np.arange(1, BINS) / BINS), DIGITS))
    counts = np.bincount(np.digitize(values, edges), minlength=len(edges) + 1)
    return {
        "mean": round(float(values.mean()), DIGITS),
        "std": round(float(values.std()), DIGITS),
        "quantiles": [round(float(v), DIGITS) for v in np.quantile(values, QUANTILES)],
        "edges": [float(edge) for edge in edges],
        "counts": [int(count) for count in counts],
    }
