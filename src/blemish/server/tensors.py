"""The tensors of the Open Inference Protocol v2, as JSON and by its binary extension.

Numbers in JSON are read and written a slice at a time: a library that parses megabytes in one call
holds the interpreter's lock meanwhile, and nothing else would be answered.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NoReturn

import numpy as np
import numpy.typing as npt
import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, WithJsonSchema

from blemish.server.problems import ProblemError

HEADER_LENGTH = "Inference-Header-Content-Length"
_MAX_PIXELS = 4_194_304
"""Of all images of a request: their feature maps take about 500 bytes a pixel."""
_MAX_DOCUMENT = 256 * 1024
"""Bytes of JSON beside the numbers of the tensor."""
_SLICE = 64 * 1024
"""Bytes read in one call, about a millisecond."""
_WRITTEN = 16 * 1024
"""Numbers written in one call."""
_DATA = re.compile(rb'"data"\s*:\s*(?=\[)')
_CUT = b'{"cut":true}'
_BYTES = TypeAdapter(list[Annotated[int, Field(strict=True, ge=0, le=255)]])

Side = Annotated[int, Field(strict=True, ge=1, le=_MAX_PIXELS)]
Channels = Annotated[int, Field(strict=True, ge=1, le=1)]
Shape = tuple[Side, Channels, Side, Side]


class _Protocol(BaseModel):
    # The protocol has members for others, which are no fault.
    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class BinaryParameters(_Protocol):
    """What the binary extension asks of one tensor."""

    binary_data_size: int | None = Field(default=None, strict=True, ge=0)
    binary_data: bool = Field(default=False, strict=True)


class RequestParameters(_Protocol):
    """What the binary extension asks of the whole request."""

    binary_data_output: bool = Field(default=False, strict=True)


class InputTensor(_Protocol):
    """The images."""

    name: Literal["image"]
    datatype: Literal["UINT8"]
    shape: Shape
    data: Annotated[
        list[Any] | dict[str, Any] | None, WithJsonSchema({"type": "array", "items": {}})
    ] = None
    """Numbers from 0 to 255, flat or nested as the shape says."""
    parameters: BinaryParameters = BinaryParameters()


class RequestedOutput(_Protocol):
    """The probability map."""

    name: Literal["probability"]
    parameters: BinaryParameters = BinaryParameters()


class InferenceRequest(_Protocol):
    """The body of a request to ``infer``."""

    id: str | None = Field(default=None, strict=True)
    inputs: tuple[InputTensor]
    outputs: tuple[RequestedOutput] | None = None
    parameters: RequestParameters = RequestParameters()


class OutputTensor(BaseModel):
    """The probability maps."""

    name: str = "probability"
    datatype: str = "FP32"
    shape: tuple[int, int, int, int]
    data: list[float] = Field(default_factory=list)
    """Row by row; absent where the bytes follow the JSON."""
    parameters: dict[str, int] = Field(default_factory=dict)


class InferenceResponse(BaseModel):
    """The body of an answer of ``infer``."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: tuple[OutputTensor]


class TensorMetadata(BaseModel):
    """What a tensor of the model looks like; -1 is any size."""

    name: str
    datatype: str
    shape: tuple[int, ...]


INPUT = TensorMetadata(name="image", datatype="UINT8", shape=(-1, 1, -1, -1))
OUTPUT = TensorMetadata(name="probability", datatype="FP32", shape=(-1, 1, -1, -1))


@dataclass(frozen=True)
class Inference:
    """What a client wants inferred."""

    id: str | None
    images: npt.NDArray[np.uint8]
    """Shape ``(N, 1, H, W)``."""
    binary_output: bool


def read_request(body: bytes, header_length: str | None, stride: int) -> Inference:
    """Read the body of an infer request.

    Args:
        body: JSON, with the bytes of the tensors behind it if ``header_length`` is given.
        header_length: Value of the header of that name.
        stride: Height and width must be multiples of it.

    Raises:
        ProblemError: It is not what the protocol or the model takes.
    """
    length = _header_length(header_length, len(body))
    document, numbers = _cut_numbers(body[:length])
    request = _parse(document)
    (tensor,) = request.inputs
    _check_shape(tensor.shape, stride)
    output = request.outputs[0].parameters if request.outputs else BinaryParameters()
    chosen = "binary_data" in output.model_fields_set
    return Inference(
        id=request.id,
        images=_images(tensor, numbers, body[length:]),
        binary_output=output.binary_data if chosen else request.parameters.binary_data_output,
    )


def write_response(
    request: Inference, version: int, probability: npt.NDArray[np.float32]
) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of the answer to an infer request."""
    tensor: dict[str, Any] = {
        "name": OUTPUT.name,
        "datatype": OUTPUT.datatype,
        "shape": list(probability.shape),
    }
    document: dict[str, Any] = {"model_name": "blemish", "model_version": str(version)}
    if request.id is not None:
        document["id"] = request.id
    document["outputs"] = [tensor]
    if request.binary_output:
        data = probability.astype("<f4", copy=False).tobytes()
        tensor["parameters"] = {"binary_data_size": len(data)}
        header = orjson.dumps(document)
        kind = {"Content-Type": "application/octet-stream", HEADER_LENGTH: str(len(header))}
        return header + data, kind
    tensor["data"] = []
    head, found, tail = orjson.dumps(document).rpartition(b'"data":[')
    numbers = b",".join(_written(probability.ravel()))
    return b"".join((head, found, numbers, tail)), {"Content-Type": "application/json"}


def _written(values: npt.NDArray[np.float32]) -> Iterator[bytes]:
    """Yield the numbers as JSON, comma by comma, some at a time."""
    for start in range(0, values.size, _WRITTEN):
        part = np.ascontiguousarray(values[start : start + _WRITTEN])
        yield orjson.dumps(part, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]


def _header_length(text: str | None, size: int) -> int:
    if text is None:
        return size
    if not (text.isascii() and text.isdecimal()) or len(text) > 12 or int(text) > size:
        _refuse(f"{HEADER_LENGTH} {text[:20]!r}; accepted: at most the {size} bytes of the body")
    return int(text)


def _cut_numbers(text: bytes) -> tuple[bytes, bytes | None]:
    """Take a long list of numbers out of a document, so that what is left is short.

    What stands in a string cannot be taken for the member: the quotes around ``data`` would be
    escaped there. Numbers end where a quote or a brace comes.
    """
    start = _find_data(text) if len(text) > _SLICE else None
    if start is None:
        return text, None
    ends = [at for mark in b'"{}' if (at := text.find(mark, start)) >= 0]
    end = text.rfind(b"]", start, min(ends, default=len(text))) + 1
    if end <= start:
        return text, None
    return text[:start] + _CUT + text[end:], text[start:end]


def _find_data(text: bytes) -> int | None:
    """Return where the first list begins that a member ``data`` holds."""
    at = text.find(b'"data"')
    while at >= 0:
        if found := _DATA.match(text, at):
            return found.end()
        at = text.find(b'"data"', at + 1)
    return None


def _parse(document: bytes) -> InferenceRequest:
    if len(document) > _MAX_DOCUMENT:
        raise ProblemError(
            "too-large",
            f"The JSON holds {len(document)} bytes beside a list of plain numbers; accepted: "
            f"{_MAX_DOCUMENT}.",
        )
    try:
        # One parser for all that is JSON: it refuses NaN, lone surrogates and deep nesting.
        return InferenceRequest.model_validate(orjson.loads(document))
    except orjson.JSONDecodeError as error:
        raise ProblemError("tensor", f"The JSON cannot be read: {str(error)[:200]}.") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"])) or "the body"
        found = _short(error.errors(include_url=False)[0].get("input"))
        _refuse(f"{where} {found}: {first['msg']}")


def _check_shape(shape: tuple[int, ...], stride: int) -> None:
    *_, height, width = shape
    if height % stride or width % stride:
        _refuse(f"shape {list(shape)}; accepted: [N, 1, H, W], H and W multiples of {stride}")
    if math.prod(shape) > _MAX_PIXELS:
        raise ProblemError(
            "too-large",
            f"shape {list(shape)} has {math.prod(shape)} pixels; accepted: {_MAX_PIXELS}. "
            "Larger images: POST /v1/predict",
        )


def _images(tensor: InputTensor, numbers: bytes | None, binary: bytes) -> npt.NDArray[np.uint8]:
    count, size = math.prod(tensor.shape), tensor.parameters.binary_data_size
    if size is not None:
        if tensor.data is not None or size != len(binary) or size != count:
            _refuse(
                f"{len(binary)} bytes follow the JSON, binary_data_size is {size}, and the "
                f"shape needs {count}; accepted: all three equal, and no data"
            )
        return np.frombuffer(binary, np.uint8).reshape(tensor.shape)
    if binary:
        _refuse(f"{len(binary)} bytes follow the JSON, but no binary_data_size names them")
    if isinstance(tensor.data, dict):
        if numbers is None or tensor.data != {"cut": True}:
            _refuse(f"data {_short(tensor.data)}; accepted: a list of numbers")
        return _read_numbers(numbers, tensor.shape)
    if tensor.data is None:
        _refuse("it has no data")
    return _read_numbers(orjson.dumps(tensor.data), tensor.shape)


def _read_numbers(text: bytes, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Read a list of numbers, flat or nested as the shape says, a slice at a time."""
    count = math.prod(shape)
    values = np.empty(count, np.uint8)
    filled, last = 0, 0
    skeleton: list[bytes] = []
    for start, end in _rows(text):
        skeleton += [text[last : start - 1], b"0"]
        last, length = end + 1, 0
        for part in _slices(text, start, end):
            found = _parse_bytes(part)
            if filled + len(found) > count:
                _refuse(f"data holds more than the {count} numbers of the shape")
            values[filled : filled + len(found)] = found
            filled, length = filled + len(found), length + len(found)
        if length not in (count, shape[-1]):
            _refuse(f"data has a row of {length} numbers; accepted: {count} or {shape[-1]}")
    if filled != count:
        _refuse(f"data holds {filled} numbers; accepted: {count}")
    _check_nesting(b"".join([*skeleton, text[last:]]), shape)
    return values.reshape(shape)


def _rows(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield where the innermost lists begin and end, without their brackets."""
    at = 0
    while (end := text.find(b"]", at)) >= 0:
        start = text.rfind(b"[", at, end)
        if start >= 0:
            yield start + 1, end
        at = end + 1


def _slices(text: bytes, start: int, end: int) -> Iterator[bytes]:
    """Yield the numbers between two places, cut at commas."""
    while end - start > _SLICE:
        comma = text.rfind(b",", start, start + _SLICE)
        if comma < 0:
            _refuse("data holds a number of more digits than a byte has")
        yield text[start:comma]
        start = comma + 1
    yield text[start:end]


def _parse_bytes(part: bytes) -> list[int]:
    try:
        return _BYTES.validate_python(orjson.loads(b"[" + part + b"]"))
    except orjson.JSONDecodeError as error:
        raise ProblemError("tensor", f"The JSON cannot be read: {str(error)[:200]}.") from error
    except ValidationError as error:
        found = _short(error.errors(include_url=False)[0].get("input"))
        _refuse(f"data holds {found}; accepted: whole numbers from 0 to 255")


def _check_nesting(skeleton: bytes, shape: tuple[int, ...]) -> None:
    """Refuse lists that are nested in another way; in the skeleton each row is a 0."""
    if skeleton.strip() == b"0":
        return
    try:
        rows = np.array(orjson.loads(skeleton) if len(skeleton) < _MAX_PIXELS else None)
    except ValueError as error:  # no JSON, or lists of different lengths
        raise ProblemError(
            "tensor", f"The data of the tensor cannot be read: {str(error)[:100]}."
        ) from error
    if rows.shape != shape[:-1] or rows.dtype.kind != "i" or rows.any():
        _refuse(f"data is nested in another way than the shape {list(shape)}")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _refuse(found: str) -> NoReturn:
    raise ProblemError("tensor", f"The request is not accepted: {found}.")
