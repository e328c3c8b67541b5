"""The ONNX graph: made from the network, freed of what must not be in it, turned into bytes.

The exporter writes the path of every source line into each node; two checkouts would give two
different files. Everything that is no part of the computation is cleared before saving.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import onnx
import torch
from google.protobuf.message import Message  # type: ignore[import-untyped]  # has no stubs
from torch.export import Dim

from blemish.export.rewriting import rewrite_float
from blemish.model import Probability, UNetTiny

_MOST_IMAGES = 1024
_MOST_STRIDES = 512
_EXPLANATIONS = ("metadata_props", "doc_string")


def to_onnx(network: UNetTiny) -> onnx.ModelProto:
    """Export a network with its normalisation and sigmoid, batch norms folded.

    Args:
        network: In evaluation mode.

    Returns:
        ``image`` uint8 ``[N, 1, H, W]`` to ``probability`` float32 of that shape, H and W
        multiples of the stride; equal networks give equal protos.
    """
    stride = network.stride
    height, width = (stride * Dim(name, min=2, max=_MOST_STRIDES) for name in ("height", "width"))
    example = torch.zeros(2, 1, 4 * stride, 6 * stride, dtype=torch.uint8)
    with _silence():
        program = torch.onnx.export(
            Probability(network).eval(),
            (example,),
            dynamo=True,
            dynamic_shapes=({0: Dim("batch", max=_MOST_IMAGES), 2: height, 3: width},),
            input_names=["image"],
            output_names=["probability"],
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise AssertionError("the dynamo exporter returns a program when no file is named")
    model = program.model_proto
    _clip(model)
    _name_dimensions(model)
    rewrite_float(model)
    return clean(model)


def _clip(model: onnx.ModelProto) -> None:
    """Keep the output in [0, 1]: onnxruntime's vectorized sigmoid can answer 1.0000001.

    Clip lets NaN through, so that a network which answers NaN is still found.
    """
    (output,) = model.graph.output
    for node in model.graph.node:
        node.output[:] = ["unclipped" if name == output.name else name for name in node.output]
    for name, bound in (("lowest", 0.0), ("highest", 1.0)):
        model.graph.initializer.append(
            onnx.numpy_helper.from_array(np.array(bound, np.float32), name)
        )
    model.graph.node.append(
        onnx.helper.make_node("Clip", ["unclipped", "lowest", "highest"], [output.name])
    )


def clean(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy with plain names, without descriptions, source paths and inner shapes."""
    cleaned = onnx.ModelProto()
    cleaned.CopyFrom(model)
    _clear(cleaned)
    del cleaned.graph.value_info[:]
    for place, node in enumerate(cleaned.graph.node):
        node.name = f"{node.op_type}_{place}"
    cleaned.graph.name = "blemish"
    cleaned.producer_name = "blemish"
    cleaned.producer_version = ""
    return cleaned


def to_bytes(model: onnx.ModelProto, metadata: Mapping[str, str]) -> bytes:
    """Serialize a graph with its metadata; the same arguments give the same bytes.

    Args:
        model: As ``clean`` left it.
        metadata: What the file says of itself.

    Raises:
        onnx.checker.ValidationError: It is no valid ONNX model.
    """
    complete = onnx.ModelProto()
    complete.CopyFrom(model)
    onnx.helper.set_model_props(complete, dict(metadata))
    onnx.checker.check_model(complete)
    data: bytes = complete.SerializeToString(deterministic=True)
    return data


def _clear(message: Message) -> None:
    """Clear what only explains, in a message and all those within it."""
    for name in _EXPLANATIONS:
        if name in message.DESCRIPTOR.fields_by_name:
            message.ClearField(name)
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            continue
        for inner in [value] if isinstance(value, Message) else value:
            _clear(inner)


def _name_dimensions(model: onnx.ModelProto) -> None:
    """Give input and output the same plain names for the dimensions that vary."""
    for value in (*model.graph.input, *model.graph.output):
        dimensions = value.type.tensor_type.shape.dim
        for place, name in ((0, "N"), (2, "H"), (3, "W")):
            dimensions[place].dim_param = name


@contextmanager
def _silence() -> Iterator[None]:
    """Keep the exporter from warning about torchvision and about torch's own code."""
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
