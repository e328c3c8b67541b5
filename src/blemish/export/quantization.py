"""The INT8 model: a search over ranges and over layers left in fp32.

What is fixed, and why: activations uint8, since processors multiply u8 by s8; weights int8 per
channel, in 7 bits of the 8, since processors without VNNI add pairs of products in 16 bits and
would saturate, so the same file would answer differently there. What is searched is judged by
accuracy alone, on validation images and edge cases: time may not decide what a DVC output holds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
from onnxruntime.quantization import CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from blemish.config.export import Parity
from blemish.export.calibration import RULES, Activations, Range
from blemish.export.cases import Case, compare
from blemish.export.graph import clean
from blemish.export.rewriting import WINDOW, rewrite_quantized
from blemish.model_sessions import open_session
from blemish.operating_point import OperatingPoint

_OPERATORS = ["Conv", "Relu", "Add", "Resize"]


_SAFEST = "min-max"  # clips nothing: what is best for one layer in fp32 need not be for many
_CHEAP_LAYERS = 5  # small and fast enough in fp32 to leave there for more room below the bounds


@dataclass(frozen=True)
class Candidate:
    """One way to quantize."""

    rule: str
    """Of ``calibration.RULES``."""
    kept: tuple[str, ...]
    """Convolutions left in fp32, by node name."""


@dataclass(frozen=True)
class ChosenQuantization:
    """What the search chose, and how close it comes to the bounds."""

    candidate: Candidate
    model: onnx.ModelProto
    strain: float
    """Largest share of any bound that is used up; 1.0 is at a bound."""


def quantize(
    model: onnx.ModelProto, ranges: dict[str, Range], kept: Iterable[str] = ()
) -> onnx.ModelProto:
    """Quantize a graph with given ranges.

    Args:
        model: The fp32 graph, cleaned.
        ranges: Of each activation, by name.
        kept: Convolutions left in fp32, by node name: the first, and the last ones.

    Returns:
        The graph with QuantizeLinear and DequantizeLinear pairs, cleaned.
    """
    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    nodes = _quantizable(copied)
    left_out = _left_out(copied, kept)
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
    rewrite_quantized(quantizer.model.model)
    return clean(quantizer.model.model)


class Search:
    """Looks for the INT8 model closest to fp32.

    First the ranges, with only the first layer in fp32: it sees the image itself, where eight
    bits are few, and is too small to matter in time. Then more layers are left in fp32, from the
    output backwards, until there is enough room below the bounds. A network that has hardly learned
    is unsure everywhere, and may need most of its layers in fp32 to keep to them.

    Args:
        model: The fp32 graph, cleaned.
        edges: Edge cases.
        images: Real images with their truth.
        point: Which pixels are marked.
        bounds: The parity contract.
    """

    def __init__(
        self,
        model: onnx.ModelProto,
        edges: Sequence[Case],
        images: Sequence[Case],
        *,
        point: OperatingPoint,
        bounds: Parity,
    ) -> None:
        self._model = model
        self._parts = (images, edges)
        self._point = point
        self._bounds = bounds
        session = open_session(model.SerializeToString())
        self._expected = [[case.answer(session) for case in part] for part in self._parts]

    def run(self, tiles: Sequence[npt.NDArray[np.uint8]], room: float) -> ChosenQuantization:
        """Search.

        Args:
            tiles: For calibration, uint8 ``(1, 1, H, W)`` each.
            room: Share of each bound that must stay unused for the search to end.
        """
        activations = Activations(self._model, tiles)
        ranges = {rule: activations.ranges(rule) for rule in RULES}
        order = _order_of_layers(self._model)
        tried = [self._try(Candidate(rule, order[:1]), ranges[rule]) for rule in RULES]
        best = min(tried, key=lambda found: found.strain)
        for count in range(2, len(order)):
            if best.strain <= (1 - room if count <= _CHEAP_LAYERS else 1 - room / 2):
                break
            for rule in dict.fromkeys((best.candidate.rule, _SAFEST)):
                found = self._try(Candidate(rule, order[:count]), ranges[rule])
                best = min(best, found, key=lambda found: found.strain)
        return best

    def _try(self, candidate: Candidate, ranges: dict[str, Range]) -> ChosenQuantization:
        quantized = quantize(self._model, ranges, candidate.kept)
        session = open_session(quantized.SerializeToString())
        images, edges = (
            compare(part, expected, [case.answer(session) for case in part], self._point)
            for part, expected in zip(self._parts, self._expected, strict=True)
        )
        strain = max(
            images.flipped / self._bounds.flipped,
            images.probability_mean / self._bounds.probability_mean,
            abs(images.dice_change) / self._bounds.dice_change,
            edges.flipped_worst / self._bounds.flipped_edge_case,
        )
        return ChosenQuantization(candidate, quantized, strain)


def _order_of_layers(model: onnx.ModelProto) -> tuple[str, ...]:
    """Name the convolutions in the order in which they are left in fp32."""
    names = [node.name for node in model.graph.node if _is_layer(node)]
    return (names[0], *reversed(names[1:]))


def _is_layer(node: onnx.NodeProto) -> bool:
    """Say whether a node is a convolution of the network, not of the normalisation before it."""
    return node.op_type == "Conv" and node.input[1] != WINDOW


def _quantizable(model: onnx.ModelProto) -> list[str]:
    """Name the nodes after the normalisation that have an INT8 form."""
    first = next(i for i, node in enumerate(model.graph.node) if _is_layer(node))
    later = list(model.graph.node)[first:]
    return [node.name for node in later if node.op_type in _OPERATORS]


def _left_out(model: onnx.ModelProto, kept: Iterable[str]) -> set[str]:
    """Name the nodes that stay fp32: the first layer, and all from the first other one kept on.

    What joins layers (additions, resizing) between the last ones goes with them.
    """
    names = set(kept)
    nodes = list(model.graph.node)
    first, *later = (place for place, node in enumerate(nodes) if _is_layer(node))
    tail = min((place for place in later if nodes[place].name in names), default=len(nodes))
    outputs = set(nodes[first].output) if nodes[first].name in names else set()
    relus = {n.name for n in nodes if n.op_type == "Relu" and n.input[0] in outputs}
    return names | relus | {node.name for node in nodes[tail:] if node.op_type in _OPERATORS}
