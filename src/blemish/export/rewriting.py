"""Equal graphs that run faster: what onnxruntime is slow at, said in operators that it is quick at.

Every rewriting here keeps the sums: fp32 differs by rounding in the last digit at most, INT8 not at
all, and ``parity`` compares the rewritten files. What each of them gains is measured in
``docs/experiments/export.md``.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

WINDOW = "window"
"""Weight of the convolution that takes means; it is no layer of the network."""

_SHUFFLE = 2  # block of the network's pixel shuffle
_BLOCK = 2 * _SHUFFLE
_TO_CHANNELS_LAST, _TO_CHANNELS_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)
_SHAPE_OF_IMAGE = "shape_of_image"


def rewrite_float(model: onnx.ModelProto) -> None:
    """Rewrite the fp32 graph in place, before anything is quantized."""
    graph = _Graph(model)
    for pool in graph.of_type("AveragePool"):
        _pool_by_convolution(graph, pool)
    for shuffle in graph.of_type("DepthToSpace"):
        _shuffle_by_four(graph, shuffle)


def rewrite_quantized(model: onnx.ModelProto) -> None:
    """Rewrite the graph in place, after pairs of QuantizeLinear and DequantizeLinear came in."""
    graph = _Graph(model)
    for resize in graph.of_type("Resize"):
        _repeat_channels_last(graph, resize)
    for shuffle in graph.of_type("DepthToSpace"):
        _shuffle_channels_last(graph, shuffle)
    graph.remove_unused()


class _Graph:
    """A graph with the questions that a rewriting asks."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.nodes = model.graph.node
        self._weights = model.graph.initializer

    def of_type(self, operator: str) -> list[onnx.NodeProto]:
        return [node for node in self.nodes if node.op_type == operator]

    def producer(self, name: str) -> onnx.NodeProto | None:
        """Return the node that gives a value; None for a weight or the input."""
        return next((node for node in self.nodes if name in node.output), None)

    def only_consumer(self, name: str, operator: str) -> onnx.NodeProto | None:
        """Return the one node that takes a value, if it is one and of this kind."""
        found = [node for node in self.nodes if name in node.input]
        return found[0] if len(found) == 1 and found[0].op_type == operator else None

    def weight(self, name: str) -> npt.NDArray[np.generic]:
        return numpy_helper.to_array(next(t for t in self._weights if t.name == name))

    def set_weight(self, name: str, value: npt.NDArray[np.generic]) -> None:
        """Set a weight, or add it."""
        tensor = next((t for t in self._weights if t.name == name), None)
        if tensor is None:
            tensor = self._weights.add()
        tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(value), name))

    def replace(self, old: onnx.NodeProto, new: Iterable[onnx.NodeProto]) -> None:
        """Put nodes in the place of one."""
        place = list(self.nodes).index(old)
        self.nodes.remove(old)
        for offset, node in enumerate(new):
            self.nodes.insert(place + offset, node)

    def remove_unused(self) -> None:
        """Remove weights that no node takes any more."""
        used = {name for node in self.nodes for name in node.input}
        for tensor in [t for t in self._weights if t.name not in used]:
            self._weights.remove(tensor)


def _pool_by_convolution(graph: _Graph, pool: onnx.NodeProto) -> None:
    """Take means of blocks by a convolution: AveragePool reads pixel by pixel.

    Windows that overlap stay: at the border they have fewer pixels than in the middle.
    """
    side, *others = _attribute(pool, "kernel_shape")
    if [side] != others or _attribute(pool, "strides") != [side, side]:
        return
    graph.set_weight(WINDOW, np.full((1, 1, side, side), 1 / side**2, np.float32))
    shape: dict[str, Any] = {"kernel_shape": [side, side], "strides": [side, side]}
    inputs = [pool.input[0], WINDOW]
    graph.replace(pool, [helper.make_node("Conv", inputs, pool.output, **shape)])


def _shuffle_by_four(graph: _Graph, shuffle: onnx.NodeProto) -> None:
    """Let the last convolution answer 4 x 4 pixels at a time instead of 2 x 2.

    Processors work on 16 channels at once, so four of them cost as much as 16. A kernel of 4 x 4 at
    stride 2 holds the four places of the 3 x 3 kernel, each with zeros around it.
    """
    head = graph.producer(shuffle.input[0])
    if head is None or head.op_type != "Conv" or _attribute(head, "kernel_shape") != [3, 3]:
        return
    weight, *biases = head.input[1:]  # PyTorch leaves a bias of zeros out
    kernels = graph.weight(weight)
    wide = np.zeros((_BLOCK**2, kernels.shape[1], 4, 4), kernels.dtype)
    origins = []
    for row, column in np.ndindex(_BLOCK, _BLOCK):
        (top, i), (left, j) = divmod(row, _SHUFFLE), divmod(column, _SHUFFLE)
        origins.append(i * _SHUFFLE + j)
        wide[row * _BLOCK + column, :, top : top + 3, left : left + 3] = kernels[origins[-1]]
    graph.set_weight(weight, wide)
    for bias in biases:
        graph.set_weight(bias, graph.weight(bias)[origins])
    _set_attributes(head, kernel_shape=[4, 4], strides=[2, 2], pads=[1, 1, 1, 1])
    _set_attributes(shuffle, blocksize=_BLOCK)


def _repeat_channels_last(graph: _Graph, resize: onnx.NodeProto) -> None:
    """Double height and width by putting bytes beside themselves, channels last.

    onnxruntime keeps INT8 activations in that order, and its Resize works out a source for each
    byte. Nearest neighbours need no arithmetic: [x, x] in the channels is [x, x] in the columns.
    """
    before = graph.producer(resize.input[0])
    quantize = graph.only_consumer(resize.output[0], "QuantizeLinear")
    after = quantize and graph.only_consumer(quantize.output[0], "DequantizeLinear")
    join = after and graph.only_consumer(after.output[0], "Add")
    if before is None or before.op_type != "DequantizeLinear" or not (quantize and after and join):
        return  # a layer that stays fp32
    (skip,) = (name for name in join.input if name != after.output[0])
    fine = graph.producer(skip)
    if fine is None or fine.op_type != "DequantizeLinear":
        return
    name = resize.output[0]
    graph.set_weight("channels_last", np.array(_TO_CHANNELS_LAST, np.int64))
    graph.set_weight(f"{name}.halves", np.array([0, 0, -1, _channels(graph, before)], np.int64))
    steps = _Steps(name, before.input[0])
    steps.add("Transpose", perm=_TO_CHANNELS_LAST)
    steps.add("Concat", steps.value, axis=3)  # each pixel twice
    steps.add("Reshape", f"{name}.halves")  # side by side
    rows = steps.add("Concat", steps.value, axis=2)  # each row twice
    steps.value = fine.input[0]
    steps.add("Shape")
    shape = steps.add("Gather", "channels_last")
    steps.value = rows
    steps.add("Reshape", shape)  # below each other
    steps.add("Transpose", perm=_TO_CHANNELS_FIRST)
    after.input[0] = steps.value
    graph.replace(resize, steps.nodes)
    graph.nodes.remove(quantize)
    graph.nodes.remove(before)


def _shuffle_channels_last(graph: _Graph, shuffle: onnx.NodeProto) -> None:
    """Turn channels into pixels where they lie together already, as INT8 activations do."""
    before = graph.producer(shuffle.input[0])
    if before is None or before.op_type != "DequantizeLinear":
        return
    block = _attribute(shuffle, "blocksize")
    graph.set_weight("blocks", np.array([0, 0, 0, block, block], np.int64))
    steps = _Steps(shuffle.output[0], shuffle.input[0])
    steps.add("Transpose", perm=_TO_CHANNELS_LAST)
    steps.add("Reshape", "blocks")
    steps.add("Transpose", perm=(0, 1, 3, 2, 4))
    size = helper.make_node("Shape", ["image"], [_SHAPE_OF_IMAGE])
    last = helper.make_node("Reshape", [steps.value, _SHAPE_OF_IMAGE], shuffle.output)
    graph.replace(shuffle, [*steps.nodes, size, last])


class _Steps:
    """Nodes in a row, each of which takes what the one before gave.

    Args:
        name: Of the value that they work out, from which theirs are made.
        value: What the first takes.
    """

    def __init__(self, name: str, value: str) -> None:
        self._name = name
        self.value = value
        self.nodes: list[onnx.NodeProto] = []

    def add(self, operator: str, *further: str, **attributes: Any) -> str:
        """Add a node; return the name of what it gives."""
        output = f"{self._name}.{len(self.nodes)}"
        node = helper.make_node(operator, [self.value, *further], [output], **attributes)
        self.nodes.append(node)
        self.value = output
        return output


def _channels(graph: _Graph, dequantize: onnx.NodeProto) -> int:
    """Return how many channels the convolution has whose output is read back here."""
    quantize = graph.producer(dequantize.input[0])
    convolution = quantize and graph.producer(quantize.input[0])
    weight = convolution and graph.producer(convolution.input[1])
    if weight is None:
        raise AssertionError("the network resizes only what a quantized convolution gives")
    return int(graph.weight(weight.input[0]).shape[0])


def _attribute(node: onnx.NodeProto, name: str) -> Any:
    return next(helper.get_attribute_value(a) for a in node.attribute if a.name == name)


def _set_attributes(node: onnx.NodeProto, **values: object) -> None:
    kept = [a for a in node.attribute if a.name not in values]
    del node.attribute[:]
    node.attribute.extend(kept)
    node.attribute.extend(helper.make_attribute(name, value) for name, value in values.items())
