"""The ranges of activations, from real training images.

onnxruntime's own calibrators run on all cores and keep every activation of every image. Here one
thread runs image after image, so that sums are the same everywhere, and a histogram stands for the
activations.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import onnx

from blemish.model_sessions import open_session

BINS = 2048
Range = tuple[float, float]
Histogram = npt.NDArray[np.float64]

_LEVELS = 255
_CLIPS = np.linspace(0.2, 1.0, 33)


class Activations:
    """What each activation of a model looks like over a set of images.

    Args:
        model: The fp32 graph.
        tiles: uint8 ``(1, 1, H, W)`` each; read twice.
    """

    def __init__(self, model: onnx.ModelProto, tiles: Sequence[npt.NDArray[np.uint8]]) -> None:
        self.extremes: dict[str, Range] = {}
        self.histograms: dict[str, Histogram] = {}
        run = _observe(model)
        for tile in tiles:
            for name, value in run(tile):
                low, high = self.extremes.get(name, (0.0, 0.0))
                self.extremes[name] = (min(low, float(value.min())), max(high, float(value.max())))
        for tile in tiles:
            for name, value in run(tile):
                counted, _ = np.histogram(value, BINS, self.extremes[name])
                self.histograms[name] = self.histograms.get(name, np.zeros(BINS)) + counted

    def ranges(self, rule: str) -> dict[str, Range]:
        """Return the range of each activation by one of ``RULES``."""
        return {
            name: RULES[rule](self.histograms[name], extremes)
            for name, extremes in self.extremes.items()
        }


def _observe(
    model: onnx.ModelProto,
) -> Callable[[npt.NDArray[np.uint8]], Iterable[tuple[str, npt.NDArray[np.float32]]]]:
    """Make a function that runs a model and returns all of its activations by name."""
    observed = onnx.ModelProto()
    observed.CopyFrom(model)
    names = [name for node in model.graph.node for name in node.output if name]
    known = {output.name for output in model.graph.output}
    for name in names:
        if name not in known:
            value = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
            observed.graph.output.append(value)
    session = open_session(observed.SerializeToString())

    def run(tile: npt.NDArray[np.uint8]) -> Iterable[tuple[str, npt.NDArray[np.float32]]]:
        return zip(names, session.run(names, {"image": tile}), strict=True)

    return run


def _percentile(share: float) -> Callable[[Histogram, Range], Range]:
    """Make a rule that leaves out the same share of activations at each end."""

    def rule(histogram: Histogram, extremes: Range) -> Range:
        edges = np.linspace(*extremes, BINS + 1)
        below = histogram.cumsum() / histogram.sum()
        first = int(np.searchsorted(below, 1 - share, side="right"))
        last = min(int(np.searchsorted(below, share)) + 1, BINS)
        return min(float(edges[first]), 0.0), max(float(edges[last]), 0.0)

    return rule


def _least_error(histogram: Histogram, extremes: Range) -> Range:
    """Clip where rounding and clipping together err least, in squares."""
    edges = np.linspace(*extremes, BINS + 1)
    centres = (edges[:-1] + edges[1:]) / 2
    best, chosen = np.inf, extremes
    for clip in _CLIPS:
        low, high = extremes[0] * clip, extremes[1] * clip
        step = max((high - low) / _LEVELS, np.finfo(np.float32).tiny)
        clipped = np.clip(centres, low, high)
        error = float((histogram * ((centres - clipped) ** 2 + step**2 / 12)).sum())
        if error < best:
            best, chosen = error, (low, high)
    return chosen


RULES: Mapping[str, Callable[[Histogram, Range], Range]] = {
    "min-max": lambda _, extremes: extremes,
    "percentile 99.999": _percentile(0.99999),
    "percentile 99.99": _percentile(0.9999),
    "least error": _least_error,
}
"""Ways to choose a range from what was seen, by name; each takes a histogram and the extremes."""
