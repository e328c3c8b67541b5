"""Model files of microseconds that fulfil the contract, or break it in one way."""

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FINGERPRINT = "f" * 64


def metadata(**changes: str) -> dict[str, str]:
    """What a model file says of itself."""
    props = {
        "format": "1",
        "fingerprint": FINGERPRINT,
        "precision": "fp32",
        "threshold": "0.5",
        "stride": "8",
        "tile": "256",
        "resize": '"none"',
        "classes": '["scratch"]',
        "statistics": "{}",
    }
    return {f"blemish.{key}": value for key, value in (props | changes).items()}


def tiny_model(
    *, level: float = 80.0, turns: int = 0, props: Mapping[str, str] | None = None
) -> bytes:
    """Build a model that marks what is darker than ``level``: a blur, then a sigmoid.

    Args:
        level: Grey level at which the probability is one half.
        turns: Rounds of work that change nothing, to make it slow.
        props: What it says of itself.
    """
    kernel = np.full((1, 1, 3, 3), -0.08 / 9, np.float32)
    nodes = [
        helper.make_node("Cast", ["image"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("Conv", ["grey", "kernel", "bias"], ["logit0"], pads=[1, 1, 1, 1]),
    ]
    weights = [
        numpy_helper.from_array(kernel, "kernel"),
        numpy_helper.from_array(np.array([0.08 * level], np.float32), "bias"),
    ]
    if turns:
        nodes += _burn(turns)
        weights += [
            numpy_helper.from_array(np.full((16, 1, 3, 3), 0.01, np.float32), "wide"),
            numpy_helper.from_array(np.full((16, 16, 3, 3), 0.01, np.float32), "deep"),
            numpy_helper.from_array(np.full((1, 16, 3, 3), 0.01, np.float32), "narrow"),
            numpy_helper.from_array(np.float32(0.0), "nothing"),
        ]
    nodes.append(helper.make_node("Sigmoid", [f"logit{min(turns, 1)}"], ["probability"]))
    return finish(nodes, weights, metadata() if props is None else props)


def _burn(turns: int) -> list[onnx.NodeProto]:
    """Convolve at length, and add nothing of it to the logit."""
    nodes = [helper.make_node("Conv", ["grey", "wide"], ["wide0"], pads=[1, 1, 1, 1])]
    nodes += [
        helper.make_node("Conv", [f"wide{i}", "deep"], [f"wide{i + 1}"], pads=[1, 1, 1, 1])
        for i in range(turns)
    ]
    return [
        *nodes,
        helper.make_node("Conv", [f"wide{turns}", "narrow"], ["end"], pads=[1, 1, 1, 1]),
        helper.make_node("Sigmoid", ["end"], ["bounded"]),
        helper.make_node("Mul", ["bounded", "nothing"], ["zero"]),
        helper.make_node("Add", ["logit0", "zero"], ["logit1"]),
    ]


def finish(
    nodes: list[onnx.NodeProto],
    weights: list[onnx.TensorProto],
    props: Mapping[str, str],
    *,
    input_name: str = "image",
) -> bytes:
    """Make a model file of a graph."""
    shape = ["N", 1, "H", "W"]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(input_name, TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, shape)],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, dict(props))
    return model.SerializeToString()
