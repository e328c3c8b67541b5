"""What a model file may hold, checked before onnxruntime sees it.

A file from the store runs only what a network for images needs, and nothing of it lies elsewhere.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from blemish.errors import ModelFileError

MODEL_BYTES = 256 << 20
"""Largest model file that is read at all."""
_NODES = 20_000
_METADATA_BYTES = 4 << 20
_METADATA_KEYS = 1000

# Operators that map tensors to tensors in bounded time: no loops or branches (Loop, Scan, If), no
# random numbers, no strings, sequences or files. The names are those of the ONNX standard.
_STANDARD = """
    Abs Add And AveragePool BatchNormalization Cast CastLike Ceil Celu Clip Concat Constant
    ConstantOfShape Conv ConvInteger ConvTranspose CumSum DepthToSpace DequantizeLinear Div
    DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand Flatten Floor Gather GatherElements
    GatherND Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual GridSample
    GroupNormalization HardSigmoid HardSwish Identity InstanceNormalization LayerNormalization
    LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization LpPool MatMul MatMulInteger Max
    MaxPool Mean Min Mish Mod Mul Neg Not Or Pad Pow PRelu QLinearConv QLinearMatMul
    QuantizeLinear Range Reciprocal ReduceL1 ReduceL2 ReduceMax ReduceMean ReduceMin ReduceProd
    ReduceSum ReduceSumSquare Relu Reshape Resize Round Selu Shape Sigmoid Sign Size Slice Softmax
    Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Tanh ThresholdedRelu Tile TopK
    Transpose Unsqueeze Upsample Where Xor
"""
# onnxruntime's own, which its quantization and graph optimization write.
_OF_ONNXRUNTIME = """
    FusedConv Gelu QLinearAdd QLinearAveragePool QLinearConcat QLinearGlobalAveragePool
    QLinearLeakyRelu QLinearMul QLinearSigmoid QLinearSoftmax QuickGelu
"""
_OPERATORS = {
    "": frozenset(_STANDARD.split()),
    "ai.onnx": frozenset(_STANDARD.split()),
    "com.microsoft": frozenset(_OF_ONNXRUNTIME.split()),
}


def refuse_unsafe_graph(data: bytes) -> None:
    """Refuse a file that is too large, runs other operators, or names files beside itself.

    onnxruntime would open external data by its path, and run an endless loop for ever.

    Args:
        data: An ONNX file.

    Raises:
        ModelFileError: It does, or it is no ONNX file.
    """
    import onnx  # noqa: PLC0415 - slow to import, and only loading a model needs it
    from google.protobuf.message import (  # type: ignore[import-untyped]  # noqa: PLC0415 - as above
        DecodeError,
    )

    if len(data) > MODEL_BYTES:
        raise ModelFileError(
            f"The model file has {len(data)} bytes; accepted are at most {MODEL_BYTES}."
        )
    try:
        model = onnx.load_model_from_string(data)
    except DecodeError as error:
        raise ModelFileError(f"The file is no ONNX model: {error}") from error
    _refuse_large_metadata(model)
    external = onnx.TensorProto.EXTERNAL
    messages = list(_messages(model))
    outside = [
        message.name
        for message in messages
        if message.DESCRIPTOR.name == "TensorProto"
        and (message.data_location == external or message.external_data)
    ]
    if outside:
        names = ", ".join(repr(name[:80]) for name in outside[:3])
        raise ModelFileError(
            f"The weights {names} lie outside the model file; accepted are files that hold all of "
            "their weights. Export it again: dvc repro export"
        )
    _refuse_lost_numbers([m for m in messages if m.DESCRIPTOR.name == "TensorProto"])
    _refuse_operators([message for message in messages if message.DESCRIPTOR.name == "NodeProto"])


def _refuse_large_metadata(model: Any) -> None:
    entries = model.metadata_props
    size = sum(len(entry.key) + len(entry.value) for entry in entries)
    if len(entries) > _METADATA_KEYS or size > _METADATA_BYTES:
        raise ModelFileError(
            f"The metadata of the model file has {len(entries)} keys and {size} characters; "
            f"accepted are at most {_METADATA_KEYS} and {_METADATA_BYTES}."
        )


def _refuse_lost_numbers(tensors: list[Any]) -> None:
    """Refuse weights that are NaN or infinite: quantized, they would give finite answers."""
    import onnx  # noqa: PLC0415 - slow to import, and only loading a model needs it

    kinds = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16)
    for tensor in tensors:
        if tensor.data_type in kinds:
            try:
                values = onnx.numpy_helper.to_array(tensor)
            except (ValueError, TypeError) as error:
                raise ModelFileError(f"A weight of the model is corrupt: {error}.") from error
            if not np.isfinite(values).all():
                raise ModelFileError(
                    f"The weights {tensor.name[:80]!r} of the model are NaN or infinite; accepted "
                    "are finite ones. Train it again: dvc repro"
                )


def _refuse_operators(nodes: list[Any]) -> None:
    if len(nodes) > _NODES:
        raise ModelFileError(
            f"The model file has {len(nodes)} nodes; accepted are at most {_NODES}."
        )
    unknown = sorted(
        {
            f"{node.domain}.{node.op_type}".strip(".")[:80]
            for node in nodes
            if node.op_type not in _OPERATORS.get(node.domain, frozenset())
        }
    )
    if unknown:
        raise ModelFileError(
            f"The model file runs {', '.join(map(repr, unknown[:5]))}; accepted are operators of a "
            "network for images, without loops, branches, random numbers or own functions. "
            "Export it again: dvc repro export"
        )


def _messages(model: Any) -> Iterator[Any]:
    """Yield every message inside a model, wherever the format has room for one."""
    waiting = [model]
    while waiting:
        message = waiting.pop()
        yield message
        for descriptor, value in message.ListFields():
            if descriptor.message_type is None:
                continue
            waiting += [value] if hasattr(value, "DESCRIPTOR") else list(value)
