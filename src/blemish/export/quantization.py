"""The INT8 model: a search over ranges and over layers left in fp32.

What is fixed, and why: activations uint8, since processors multiply u8 by s8; weights int8 per
channel, in 7 bits of the 8, since processors without VNNI add pairs of products in 16 bits and
would saturate, so the same file would answer differently there. What is searched is judged by
accuracy on validation images alone: time may not decide what a DVC output holds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
import onnx
from onnxruntime.quantization import CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from blemish.config.export import Quantization
from blemish.export.calibration import RULES, Activations, Range
from blemish.export.cases import Case, Gap, compare
from blemish.export.graph import clean, open_session

_OPERATORS = ["Conv", "Relu", "Add", "Resize"]


@dataclass(frozen=True)
class Candidate:
    """One way to quantize."""

    rule: str
    """Of ``calibration.RULES``."""
    kept: tuple[str, ...]
    """Layers left in fp32: ``stem``, ``head``."""


@dataclass(frozen=True)
class Found:
    """What the search chose, and what it gives on the search images."""

    candidate: Candidate
    model: onnx.ModelProto
    gap: Gap


CANDIDATES = tuple(
    Candidate(rule, kept)
    for kept, rule in product(((), ("head",), ("stem",), ("stem", "head")), RULES)
)
"""From the most layers in INT8 to the fewest."""


def quantize(
    model: onnx.ModelProto, ranges: dict[str, Range], kept: Iterable[str] = ()
) -> onnx.ModelProto:
    """Quantize a graph with given ranges.

    Args:
        model: The fp32 graph, cleaned.
        ranges: Of each activation, by name.
        kept: Layers left in fp32: ``stem``, ``head``.

    Returns:
        The graph with QuantizeLinear and DequantizeLinear pairs, cleaned.
    """
    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    nodes = _quantizable(copied)
    left_out = _layers(copied, kept)
    limits = {n: (np.float32(low), np.float32(high)) for n, (low, high) in ranges.items()}
    quantizer = QDQQuantizer(
        copied,
        per_channel=True,
        reduce_range=True,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=TensorsData(CalibrationMethod.MinMax, limits),
        nodes_to_quantize=[name for name in nodes if name not in left_out],
        nodes_to_exclude=sorted(left_out),
        op_types_to_quantize=_OPERATORS,
        extra_options={},
    )
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    return clean(quantizer.model.model)


def search(
    model: onnx.ModelProto,
    tiles: Sequence[npt.NDArray[np.uint8]],
    cases: Sequence[Case],
    threshold: float,
    params: Quantization,
) -> Found:
    """Take the first candidate whose answers are close enough to fp32, else the closest.

    Args:
        model: The fp32 graph, cleaned.
        tiles: For calibration, uint8 ``(1, 1, H, W)`` each.
        cases: Images to judge by.
        threshold: From this probability on a pixel is marked.
        params: What is close enough.
    """
    activations = Activations(model, tiles)
    reference = open_session(model.SerializeToString())
    expected = [case.answer(reference) for case in cases]
    tried = []
    for candidate in CANDIDATES:
        quantized = quantize(model, activations.ranges(candidate.rule), candidate.kept)
        session = open_session(quantized.SerializeToString())
        gap = compare(cases, expected, [case.answer(session) for case in cases], threshold)
        found = Found(candidate, quantized, gap)
        if gap.flipped <= params.flipped and abs(gap.dice_change) <= params.dice_change:
            return found
        tried.append(found)
    return min(tried, key=lambda found: found.gap.flipped)


def _quantizable(model: onnx.ModelProto) -> list[str]:
    """Name the nodes after the normalisation that have an INT8 form."""
    first = next(i for i, node in enumerate(model.graph.node) if node.op_type == "Conv")
    later = list(model.graph.node)[first:]
    return [node.name for node in later if node.op_type in _OPERATORS]


def _layers(model: onnx.ModelProto, kept: Iterable[str]) -> set[str]:
    """Name the nodes of the layers left in fp32: the first or last convolution, with its ReLU."""
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    ends = {"stem": convolutions[0], "head": convolutions[-1]}
    chosen = [ends[name] for name in kept]
    outputs = {output for node in chosen for output in node.output}
    relus = [n for n in model.graph.node if n.op_type == "Relu" and n.input[0] in outputs]
    return {node.name for node in (*chosen, *relus)}
