"""Refuses model files whose weights lie in other files: those would be read without a check."""

from typing import Any

from blemish.errors import ModelFileError


def refuse_external_data(data: bytes) -> None:
    """Refuse a graph that names other files, which onnxruntime would open by their path.

    Args:
        data: An ONNX file.

    Raises:
        ModelFileError: It does, or it is no ONNX file.
    """
    import onnx  # noqa: PLC0415 - slow to import, and only loading a model needs it
    from google.protobuf.message import (  # type: ignore[import-untyped]  # noqa: PLC0415 - as above
        DecodeError,
    )

    try:
        model = onnx.load_model_from_string(data)
    except DecodeError as error:
        raise ModelFileError(f"The file is no ONNX model: {error}") from error
    tensors = [*model.graph.initializer, *_constants(model.graph)]
    outside = [t.name for t in tensors if t.data_location == onnx.TensorProto.EXTERNAL]
    if outside:
        raise ModelFileError(
            f"The weights {', '.join(outside[:3])} lie outside the model file; accepted are files "
            "that hold all of their weights. Export it again: dvc repro export"
        )


def _constants(graph: Any) -> list[Any]:
    """Return the tensors inside the nodes of a graph, and of the graphs inside those."""
    found: list[Any] = []
    for node in graph.node:
        for attribute in node.attribute:
            found += [attribute.t, *attribute.tensors]
            for inner in (attribute.g, *attribute.graphs):
                found += [*inner.initializer, *_constants(inner)]
    return found
