"""Requests and answers of the Open Inference Protocol v2, as JSON and by its binary extension."""

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
from pydantic import ValidationError
from starlette.responses import Response

from blemish.problem_kinds import ProblemKind
from blemish.server.json_numbers import SLICE, read_numbers, refuse, short, write_numbers
from blemish.server.problems import ProblemError
from blemish.server.protocol_models import (
    MAX_PIXELS,
    OUTPUT,
    BinaryParameters,
    InferenceRequest,
    InputTensor,
)
from blemish.server.sliced_answers import sliced_answer
from blemish.store.names import MODEL

HEADER_LENGTH = "Inference-Header-Content-Length"
_MAX_DOCUMENT = 256 * 1024
"""Bytes of JSON beside the numbers of the tensor."""
_DATA = re.compile(rb'"data"\s*:\s*(?=\[)')
_CUT = b'{"cut":true}'


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
) -> Response:
    """Return the answer to an infer request."""
    tensor: dict[str, Any] = {
        "name": OUTPUT.name,
        "datatype": OUTPUT.datatype,
        "shape": list(probability.shape),
    }
    document: dict[str, Any] = {"model_name": MODEL, "model_version": str(version)}
    if request.id is not None:
        document["id"] = request.id
    document["outputs"] = [tensor]
    if request.binary_output:
        data = probability.astype("<f4", copy=False).tobytes()
        tensor["parameters"] = {"binary_data_size": len(data)}
        header = orjson.dumps(document)
        length = {HEADER_LENGTH: str(len(header))}
        return sliced_answer((header, data), length, "application/octet-stream")
    tensor["data"] = []
    head, found, tail = orjson.dumps(document).rpartition(b'"data":[')
    parts = (head, found, *write_numbers(probability.ravel()), tail)
    return sliced_answer(parts, {}, "application/json")


def _header_length(text: str | None, size: int) -> int:
    if text is None:
        return size
    if not (text.isascii() and text.isdecimal()) or len(text) > 12 or int(text) > size:
        refuse(f"{HEADER_LENGTH} {text[:20]!r}; accepted: at most the {size} bytes of the body")
    return int(text)


def _cut_numbers(text: bytes) -> tuple[bytes, bytes | None]:
    """Take a long list of numbers out of a document, so that what is left is short.

    What stands in a string cannot be taken for the member: the quotes around ``data`` would be
    escaped there. Numbers end where a quote or a brace comes.
    """
    start = _find_data(text) if len(text) > SLICE else None
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
            ProblemKind.TOO_LARGE,
            f"The JSON holds {len(document)} bytes beside a list of plain numbers; accepted: "
            f"{_MAX_DOCUMENT}.",
        )
    try:
        # One parser for all that is JSON: it refuses NaN, lone surrogates and deep nesting.
        return InferenceRequest.model_validate(orjson.loads(document))
    except orjson.JSONDecodeError as error:
        raise ProblemError(
            ProblemKind.TENSOR, f"The JSON cannot be read: {str(error)[:200]}."
        ) from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"])) or "the body"
        found = short(error.errors(include_url=False)[0].get("input"))
        refuse(f"{where} {found}: {first['msg']}")


def _check_shape(shape: tuple[int, ...], stride: int) -> None:
    *_, height, width = shape
    if height % stride or width % stride:
        refuse(f"shape {list(shape)}; accepted: [N, 1, H, W], H and W multiples of {stride}")
    if math.prod(shape) > MAX_PIXELS:
        raise ProblemError(
            ProblemKind.TOO_LARGE,
            f"shape {list(shape)} has {math.prod(shape)} pixels; accepted: {MAX_PIXELS}. "
            "Larger images: POST /v1/predict",
        )


def _images(tensor: InputTensor, numbers: bytes | None, binary: bytes) -> npt.NDArray[np.uint8]:
    count, size = math.prod(tensor.shape), tensor.parameters.binary_data_size
    if size is not None:
        if tensor.data is not None or size != len(binary) or size != count:
            refuse(
                f"{len(binary)} bytes follow the JSON, binary_data_size is {size}, and the "
                f"shape needs {count}; accepted: all three equal, and no data"
            )
        return np.frombuffer(binary, np.uint8).reshape(tensor.shape)
    if binary:
        refuse(f"{len(binary)} bytes follow the JSON, but no binary_data_size names them")
    if isinstance(tensor.data, dict):
        if numbers is None or tensor.data != {"cut": True}:
            refuse(f"data {short(tensor.data)}; accepted: a list of numbers")
        return read_numbers(numbers, tensor.shape)
    if tensor.data is None:
        refuse("it has no data")
    return read_numbers(orjson.dumps(tensor.data), tensor.shape)
