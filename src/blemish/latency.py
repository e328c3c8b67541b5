"""Latency of model files on this host, measured side by side."""

import statistics
import time
from collections.abc import Mapping

import numpy as np

_TILE = 256
_ROUNDS = 15
_WARM_UP = 3


def measure_latency(
    files: Mapping[str, bytes], *, rounds: int = _ROUNDS, threads: int = 1
) -> dict[str, float]:
    """Return the median ms of one tile through each file; they take turns, so noise hits all alike.

    Args:
        files: Name to the bytes of a verified ONNX file.
        rounds: Timed rounds after the warm-up.
        threads: Threads of onnxruntime for one operator.
    """
    import onnxruntime  # noqa: PLC0415 - slow, and only this needs it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    sessions = {
        name: onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        for name, data in files.items()
    }
    tile = np.random.default_rng(0).integers(0, 256, (1, 1, _TILE, _TILE), dtype=np.uint8)
    times: dict[str, list[float]] = {name: [] for name in files}
    for turn in range(_WARM_UP + rounds):
        for name, session in sessions.items():
            start = time.perf_counter()
            session.run(None, {"image": tile})
            if turn >= _WARM_UP:
                times[name].append((time.perf_counter() - start) * 1000)
    return {name: statistics.median(values) for name, values in times.items()}
