"""Numbers of a tensor in JSON, read and written a slice at a time.

A library that parses megabytes in one call holds the interpreter's lock meanwhile, and nothing else
would be answered. Type and count are checked slice by slice, before anything is converted.
"""

import math
import re
from collections.abc import Iterator
from typing import Annotated, NoReturn

import numpy as np
import numpy.typing as npt
import orjson
from pydantic import Field, TypeAdapter, ValidationError

from blemish.problem_kinds import ProblemKind
from blemish.server.problems import ProblemError
from blemish.server.protocol_models import MAX_PIXELS

SLICE = 64 * 1024
"""Bytes read in one call, about a millisecond."""
_WRITTEN = 16 * 1024
"""Numbers written in one call."""
_SKELETON = re.compile(rb"[\[\],0\s]*")
_BYTES = TypeAdapter(list[Annotated[int, Field(strict=True, ge=0, le=255)]])


def read_numbers(text: bytes, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
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
                refuse(f"data holds more than the {count} numbers of the shape")
            values[filled : filled + len(found)] = found
            filled, length = filled + len(found), length + len(found)
        if length not in (count, shape[-1]):
            refuse(f"data has a row of {length} numbers; accepted: {count} or {shape[-1]}")
    if filled != count:
        refuse(f"data holds {filled} numbers; accepted: {count}")
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
    while end - start > SLICE:
        comma = text.rfind(b",", start, start + SLICE)
        if comma < 0:
            refuse("data holds a number of more digits than a byte has")
        yield text[start:comma]
        start = comma + 1
    yield text[start:end]


def _parse_bytes(part: bytes) -> list[int]:
    try:
        return _BYTES.validate_python(orjson.loads(b"[" + part + b"]"))
    except orjson.JSONDecodeError as error:
        raise ProblemError(
            ProblemKind.TENSOR, f"The JSON cannot be read: {str(error)[:200]}."
        ) from error
    except ValidationError as error:
        found = short(error.errors(include_url=False)[0].get("input"))
        refuse(f"data holds {found}; accepted: whole numbers from 0 to 255")


def _check_nesting(skeleton: bytes, shape: tuple[int, ...]) -> None:
    """Refuse lists that are nested in another way; in the skeleton each row is a 0."""
    if skeleton.strip() == b"0":
        return
    # Before NumPy sees it: of strings it would make an array as wide as the longest of them.
    if not _SKELETON.fullmatch(skeleton):
        refuse("data holds something beside lists of numbers")
    try:
        rows = np.array(orjson.loads(skeleton) if len(skeleton) < MAX_PIXELS else None)
    except ValueError as error:  # no JSON, or lists of different lengths
        raise ProblemError(
            ProblemKind.TENSOR, f"The data of the tensor cannot be read: {str(error)[:100]}."
        ) from error
    if rows.shape != shape[:-1] or rows.dtype.kind != "i" or rows.any():
        refuse(f"data is nested in another way than the shape {list(shape)}")


def write_numbers(values: npt.NDArray[np.float32]) -> Iterator[bytes]:
    """Yield the numbers as JSON, with the commas between them, some at a time."""
    for start in range(0, values.size, _WRITTEN):
        part = np.ascontiguousarray(values[start : start + _WRITTEN])
        text = orjson.dumps(part, option=orjson.OPT_SERIALIZE_NUMPY)
        yield b"," + text[1:-1] if start else text[1:-1]


def short(value: object) -> str:
    """Return what a value looks like, at most 80 characters of it."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def refuse(found: str) -> NoReturn:
    """Refuse a request for what was found in it.

    Raises:
        ProblemError: Always.
    """
    raise ProblemError(ProblemKind.TENSOR, f"The request is not accepted: {found}.")
