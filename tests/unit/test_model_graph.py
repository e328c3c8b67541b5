"""What a model file may hold: nothing outside itself, no loops, nothing of absurd size."""

import numpy as np
import onnx
import pytest
from integration.server.tiny_models import finish, metadata, tiny_model
from onnx import TensorProto, helper, numpy_helper

from blemish.errors import ModelFileError
from blemish.model_graph import refuse_unsafe_graph

CAST = helper.make_node("Cast", ["image"], ["grey"], to=TensorProto.FLOAT)
ADD = helper.make_node("Add", ["grey", "bias"], ["probability"])


def outside() -> onnx.TensorProto:
    """A weight whose bytes lie in another file."""
    tensor = numpy_helper.from_array(np.ones(2, np.float32), "bias")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")
    return tensor


def sparse() -> onnx.SparseTensorProto:
    """A sparse weight whose values lie in another file."""
    places = numpy_helper.from_array(np.arange(2, dtype=np.int64), "places")
    return helper.make_sparse_tensor(outside(), places, [4])


def with_sparse_initializer() -> bytes:
    model = onnx.load_from_string(finish([CAST, ADD], [], metadata()))
    model.graph.sparse_initializer.append(sparse())
    return model.SerializeToString()


def in_a_function() -> bytes:
    model = onnx.load_from_string(tiny_model())
    constant = helper.make_node("Constant", [], ["y"], value=outside())
    opset = [helper.make_opsetid("", 17)]
    model.functions.append(helper.make_function("own", "F", [], ["y"], [constant], opset))
    return model.SerializeToString()


@pytest.mark.parametrize(
    "data",
    [
        finish([CAST, ADD], [outside()], metadata()),
        finish([CAST, helper.make_node("Constant", [], ["bias"], value=outside()), ADD], [], {}),
        finish(
            [CAST, helper.make_node("Constant", [], ["bias"], sparse_value=sparse()), ADD], [], {}
        ),
        with_sparse_initializer(),
        in_a_function(),
    ],
    ids=["initializer", "constant", "sparse constant", "sparse initializer", "function"],
)
def test_weights_outside_are_refused(data: bytes) -> None:
    """External data are refused wherever the format has room for a tensor."""
    with pytest.raises(ModelFileError, match="outside the model file"):
        refuse_unsafe_graph(data)


def endless_loop() -> bytes:
    """A loop that runs 2^62 times."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["on"], ["on_out"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("on_out", TensorProto.BOOL, [])],
    )
    nodes = [
        CAST,
        helper.make_node("Loop", ["turns", "yes"], [], body=body),
        helper.make_node("Sigmoid", ["grey"], ["probability"]),
    ]
    weights = [
        numpy_helper.from_array(np.int64(1 << 62), "turns"),
        numpy_helper.from_array(np.bool_(True), "yes"),
    ]
    return finish(nodes, weights, metadata())


def other_nodes(*nodes: onnx.NodeProto) -> bytes:
    return finish([CAST, *nodes], [], metadata())


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (endless_loop(), "'Loop'"),
        (other_nodes(helper.make_node("RandomUniformLike", ["grey"], ["probability"])), "Random"),
        (
            other_nodes(helper.make_node("Inverse", ["grey"], ["probability"], domain="own")),
            "own.Inverse",
        ),
        (
            other_nodes(
                *(helper.make_node("Relu", [f"x{i}"], [f"x{i + 1}"]) for i in range(20_001))
            ),
            "nodes",
        ),
        (tiny_model(props={f"key{i}": "x" for i in range(1001)}), "1001 keys"),
        (tiny_model(props={"blemish.format": "x" * (5 << 20)}), "characters"),
    ],
    ids=["loop", "random", "domain", "nodes", "keys", "metadata"],
)
def test_what_a_network_for_images_does_not_need_is_refused(data: bytes, named: str) -> None:
    """Loops, random numbers, own operators, and absurd sizes are named."""
    with pytest.raises(ModelFileError, match=named):
        refuse_unsafe_graph(data)


def test_graphs_within_graphs_end_somewhere() -> None:
    """A file that nests graphs a thousand deep is refused like any other that is corrupt."""
    node = b""
    for _ in range(1000):  # NodeProto.attribute = 5, AttributeProto.g = 6, GraphProto.node = 1
        for field in (1, 6, 5):
            node = bytes([field << 3 | 2]) + _varint(len(node)) + node
    graph = b"\x0a" + _varint(len(node)) + node
    model = b"\x3a" + _varint(len(graph)) + graph
    with pytest.raises(ModelFileError):
        refuse_unsafe_graph(model)


def _varint(number: int) -> bytes:
    digits = bytearray()
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    digits.append(number)
    return bytes(digits)
