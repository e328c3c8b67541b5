"""Latency of models on this host, measured side by side."""

import statistics
import time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from blemish.inference import Segmenter

_ROUNDS = 15
_WARM_UP = 3


def measure_latency(
    models: "Mapping[str, Segmenter]", *, rounds: int = _ROUNDS
) -> dict[str, float]:
    """Time one tile through each model, the models taking turns so that noise hits all alike.

    Args:
        models: By name, loaded with as many threads as an inference is served with.
        rounds: Timed rounds after the warm-up.

    Returns:
        Name to the median, milliseconds.
    """
    random = np.random.default_rng(0)
    tiles = {
        name: random.integers(0, 256, (1, 1, model.card.tile, model.card.tile), dtype=np.uint8)
        for name, model in models.items()
    }
    times: dict[str, list[float]] = {name: [] for name in models}
    for turn in range(_WARM_UP + rounds):
        for name, model in models.items():
            start = time.perf_counter()
            model.run(tiles[name])
            if turn >= _WARM_UP:
                times[name].append((time.perf_counter() - start) * 1000)
    return {name: statistics.median(values) for name, values in times.items()}
