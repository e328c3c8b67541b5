"""Model files of microseconds that fulfil the contract, or break it in one way."""

import itertools
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
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


def nan_on_white(level: float = 80.0) -> bytes:
    """Build a model as above, whose answer to a pixel of 255 is no number."""
    return _conditional(
        level,
        [
            helper.make_node("Sub", ["limit", "grey"], ["room"]),
            helper.make_node("Log", ["room"], ["log"]),
            helper.make_node("Mul", ["log", "nothing"], ["extra"]),
        ],
        {"limit": np.float32(254.5), "nothing": np.float32(0.0)},
    )


def slow_on_white(level: float = 80.0) -> bytes:
    """Build a model as above, which works for minutes on an image with a pixel of 255."""
    side = 1000
    powers = ["power0", *(f"power{turn}" for turn in range(1, 1001))]
    return _conditional(
        level,
        [
            helper.make_node("ReduceMax", ["grey"], ["brightest"], keepdims=0),
            helper.make_node("Greater", ["brightest", "limit"], ["is_white"]),
            helper.make_node("Where", ["is_white", "large", "small"], ["sides"]),
            helper.make_node("ConstantOfShape", ["sides"], ["power0"]),
            *(
                helper.make_node("MatMul", [before, "power0"], [after])
                for before, after in itertools.pairwise(powers)
            ),
            helper.make_node("ReduceMax", [powers[-1]], ["extra"], keepdims=0),
        ],
        {
            "limit": np.float32(254.5),
            "large": np.array([side, side], np.int64),
            "small": np.array([1, 1], np.int64),
        },
    )


def _conditional(
    level: float, nodes: list[onnx.NodeProto], constants: Mapping[str, npt.ArrayLike]
) -> bytes:
    """Add ``extra`` to the logit of the plain model."""
    return finish(
        [
            helper.make_node("Cast", ["image"], ["grey"], to=TensorProto.FLOAT),
            helper.make_node("Sub", ["level", "grey"], ["darkness"]),
            helper.make_node("Mul", ["darkness", "slope"], ["logit"]),
            *nodes,
            helper.make_node("Add", ["logit", "extra"], ["whole"]),
            helper.make_node("Sigmoid", ["whole"], ["probability"]),
        ],
        [
            numpy_helper.from_array(np.asarray(value), name)
            for name, value in {
                **constants,
                "level": np.float32(level),
                "slope": np.float32(0.08),
            }.items()
        ],
        metadata(),
    )


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
