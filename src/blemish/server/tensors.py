"""The tensors of the Open Inference Protocol v2, as JSON and by its binary extension."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from blemish.server.problems import ProblemError

HEADER_LENGTH = "Inference-Header-Content-Length"
INPUT = {"name": "image", "datatype": "UINT8", "shape": [-1, 1, -1, -1]}
OUTPUT = {"name": "probability", "datatype": "FP32", "shape": [-1, 1, -1, -1]}
_MAX_PIXELS = 4_194_304
"""Of all images of a request: their feature maps take about 500 bytes a pixel."""


@dataclass(frozen=True)
class InferRequest:
    """What a client wants inferred."""

    id: str | None
    images: npt.NDArray[np.uint8]
    """Shape ``(N, 1, H, W)``."""
    binary_output: bool


def read_request(body: bytes, header_length: str | None, stride: int) -> InferRequest:
    """Read the body of an infer request.

    Args:
        body: JSON, with the bytes of the tensors behind it if ``header_length`` is given.
        header_length: Value of the header of that name.
        stride: Height and width must be multiples of it.

    Raises:
        ProblemError: It is not what the protocol or the model takes.
    """
    length = _header_length(header_length, len(body))
    document = _read_json(body[:length])
    tensor = _only(document, "inputs", INPUT["name"])
    if tensor is None:
        _refuse("It names no inputs; accepted: one, 'image'")
    if tensor.get("datatype") != INPUT["datatype"]:
        _refuse(f"datatype {_short(tensor.get('datatype'))}; accepted: 'UINT8'")
    shape = _shape(tensor.get("shape"), stride)
    identity = document.get("id")
    if "id" in document and not isinstance(identity, str):
        _refuse("its id is no string")
    return InferRequest(
        id=identity,
        images=_images(tensor, body[length:], shape),
        binary_output=_wants_binary(document),
    )


def write_response(
    request: InferRequest, version: int, probability: npt.NDArray[np.float32]
) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of the answer to an infer request."""
    tensor: dict[str, Any] = {
        "name": OUTPUT["name"],
        "datatype": OUTPUT["datatype"],
        "shape": list(probability.shape),
    }
    document: dict[str, Any] = {"model_name": "blemish", "model_version": str(version)}
    if request.id is not None:
        document["id"] = request.id
    document["outputs"] = [tensor]
    if not request.binary_output:
        tensor["data"] = probability.ravel().tolist()
        return json.dumps(document).encode(), {"Content-Type": "application/json"}
    data = probability.astype("<f4", copy=False).tobytes()
    tensor["parameters"] = {"binary_data_size": len(data)}
    header = json.dumps(document).encode()
    return header + data, {
        "Content-Type": "application/octet-stream",
        HEADER_LENGTH: str(len(header)),
    }


def _header_length(text: str | None, size: int) -> int:
    if text is None:
        return size
    if not (text.isascii() and text.isdecimal()) or len(text) > 12 or int(text) > size:
        _refuse(f"{HEADER_LENGTH} {text[:20]!r}; accepted: at most the {size} bytes of the body")
    return int(text)


def _read_json(text: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        reason = str(error) or "it is nested too deeply"
        raise ProblemError("tensor", f"The JSON cannot be read: {reason[:200]}.") from error
    if not isinstance(document, dict):
        _refuse(f"JSON {type(document).__name__}; accepted: an object")
    return document


def _only(document: Mapping[str, Any], member: str, name: object) -> Mapping[str, Any] | None:
    """Return the one tensor of a list, which must have that name; None without a list."""
    if member not in document:
        return None
    tensors = document[member]
    if not isinstance(tensors, list) or len(tensors) != 1 or not isinstance(tensors[0], dict):
        _refuse(f"{member} {_short(tensors)}; accepted: a list of one, {name!r}")
    if tensors[0].get("name") != name:
        _refuse(f"{member} names {_short(tensors[0].get('name'))}; accepted: {name!r}")
    tensor: Mapping[str, Any] = tensors[0]
    return tensor


def _shape(shape: object, stride: int) -> tuple[int, int, int, int]:
    if not isinstance(shape, list) or len(shape) != 4 or not all(map(_is_side, shape)):
        _refuse(f"shape {_short(shape)}; accepted: [N, 1, H, W]")
    count, channels, height, width = shape
    if channels != 1 or height % stride or width % stride:
        _refuse(f"shape {_short(shape)}; accepted: [N, 1, H, W], H and W multiples of {stride}")
    if math.prod(shape) > _MAX_PIXELS:
        raise ProblemError(
            "too-large",
            f"shape {_short(shape)} has {math.prod(shape)} pixels; accepted: {_MAX_PIXELS}. "
            "Larger images: POST /v1/predict",
        )
    return count, channels, height, width


def _is_side(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MAX_PIXELS


def _images(
    tensor: Mapping[str, Any], binary: bytes, shape: tuple[int, int, int, int]
) -> npt.NDArray[np.uint8]:
    size = _parameters(tensor).get("binary_data_size")
    if size is not None:
        if "data" in tensor or size != len(binary) or size != math.prod(shape):
            _refuse(
                f"{len(binary)} bytes follow the JSON, binary_data_size is {_short(size)}, and the "
                f"shape needs {math.prod(shape)}; accepted: all three equal, and no data"
            )
        return np.frombuffer(binary, np.uint8).reshape(shape)
    if binary:
        _refuse(f"{len(binary)} bytes follow the JSON, but no binary_data_size names them")
    return _from_list(tensor.get("data"), shape)


def _from_list(data: object, shape: tuple[int, int, int, int]) -> npt.NDArray[np.uint8]:
    try:
        values = np.array(data if isinstance(data, list) else None)
    except (ValueError, OverflowError):  # ragged, or beyond 64 bits
        _refuse("data is no regular list of numbers")
    if values.dtype.kind not in "iu" or values.size != math.prod(shape):
        _refuse(
            f"data holds {values.size} values of {values.dtype}; "
            f"accepted: {math.prod(shape)} integers"
        )
    if int(values.min()) < 0 or int(values.max()) > 255:
        _refuse(f"data from {values.min()} to {values.max()}; accepted: 0 to 255")
    return values.astype(np.uint8).reshape(shape)


def _wants_binary(document: Mapping[str, Any]) -> bool:
    """Say whether the output shall follow as bytes: by its own parameter, or by the request's."""
    output = _only(document, "outputs", OUTPUT["name"])
    default = _parameters(document).get("binary_data_output", False)
    chosen = _parameters(output or {}).get("binary_data", default)
    return chosen is True


def _parameters(holder: Mapping[str, Any]) -> Mapping[str, Any]:
    found = holder.get("parameters", {})
    if not isinstance(found, dict):
        _refuse(f"parameters {_short(found)}; accepted: an object")
    return found


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _refuse(found: str) -> NoReturn:
    raise ProblemError("tensor", f"The request is not accepted: {found}.")
