"""Whatever a client sends as tensors or as a form is read, or refused as a problem, in bounds."""

import asyncio
import json
import random
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from fuzzing import fuzz, fuzz_for_minutes
from starlette.requests import Request
from starlette.types import Message

from blemish.server.problems import ProblemError
from blemish.server.request_bodies import BodyReader
from blemish.server.request_notes import RequestNotes
from blemish.server.tensors import read_request, write_response
from blemish.server.traces import Traces

_ROW = "[" + ",".join(["1"] * 64) + "]"
_ODD: tuple[Any, ...] = (
    None, True, -1, 256, 1.5, 2**70, "", "1", "\ud800", "x" * 30_000, [], [[]], {}, {"cut": True},
    [_ROW, "x" * 30_000, *["y"] * 7_000], ["x" * 60_000, *["y"] * 1_000], [[1, 2], [3]],
    [1] * 65, [None] * 64, [[[[1] * 8] * 8]], 1_000 * [[0] * 8], {"data": [1]}, "UINT8", "FP32",
)  # fmt: skip
_MEGABYTES = 64
"""Most memory that a body of 100 KB may take."""
_TRACES = Traces(None)
_LENGTHS = (None, None, None, "0", "100", "-1", "1e3", "99999999999999999999", "\u0663")
_TYPES = (
    "multipart/form-data; boundary=X",
    'multipart/form-data; boundary="X"',
    "multipart/form-data; charset=utf-16; boundary=X",
    "multipart/mixed; boundary=X",
    "multipart/form-data",
)
_FORMS = (
    (
        b'--X\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n'
        b"Content-Type: image/png\r\n\r\nbytes\r\n--X--\r\n"
    ),
    (
        b"--X\r\nContent-Disposition: form-data; name=file; filename*=utf-8''%e2%82%ac.png\r\n\r\n"
        b"bytes\r\n--X--\r\n"
    ),
    (
        b'--X\r\nContent-Disposition: form-data; name="note"\r\n\r\ntext\r\n--X\r\n'
        b'Content-Disposition: form-data; name="file"; filename="../../a"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\nbytes\r\n--X--"
    ),
)


def _document(*, nested: bool = False) -> dict[str, Any]:
    values = np.arange(64, dtype=np.uint8).reshape(1, 1, 8, 8)
    return {
        "id": "1",
        "inputs": [
            {
                "name": "image",
                "datatype": "UINT8",
                "shape": [1, 1, 8, 8],
                "data": values.tolist() if nested else values.ravel().tolist(),
                "parameters": {},
            }
        ],
        "outputs": [{"name": "probability", "parameters": {"binary_data": True}}],
        "parameters": {"binary_data_output": False},
    }


def _long() -> bytes:
    tensor = {"name": "image", "datatype": "UINT8", "shape": [1, 1, 160, 256]}
    return json.dumps({"inputs": [tensor | {"data": [200] * 40_960}]}).encode()


BODIES = [
    json.dumps(_document()).encode(),
    json.dumps(_document(nested=True), indent=1).encode(),
    _long(),
]


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield where a document holds something: the container and the key."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(pairs):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def _odd_body(rng: random.Random) -> bytes:
    document = _document(nested=rng.random() < 0.3)
    for _ in range(rng.choice((1, 1, 2))):
        container, key = rng.choice(list(_places(document)))
        container[key] = deepcopy(rng.choice(_ODD))  # the next place may lie within it
    return json.dumps(document, separators=(",", ":")).encode()


@contextmanager
def _bounded() -> Iterator[None]:
    """Fail where more memory is taken than a body of this size may take."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < _MEGABYTES << 20, f"{peak >> 20} MB"


def _check_tensors(data: bytes, rng: random.Random) -> None:
    body = _odd_body(rng) if rng.random() < 0.5 else data
    length = rng.choice(_LENGTHS)
    if length is None and rng.random() < 0.2:
        length, body = str(len(body)), body + rng.randbytes(64)
    try:
        with _bounded():
            asked = read_request(body, length, 8)
    except ProblemError:
        return
    assert asked.images.dtype == np.uint8
    assert asked.images.ndim == 4
    answer = write_response(asked, 1, asked.images.astype(np.float32))
    assert int(answer.headers["content-length"]) > 0


def _check_form(data: bytes, rng: random.Random) -> None:
    kind = rng.choice(_TYPES)
    if rng.random() < 0.2:
        at = rng.randrange(len(kind))
        kind = kind[:at] + rng.choice(('"', ";", "=", "\xff", "'", "\\", ";" * 900)) + kind[at:]
    chunks = [data[:50], data[50:]]

    async def receive() -> Message:
        body = chunks.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(chunks)}

    scope = {
        "type": "http",
        "headers": [(b"content-type", kind.encode("latin-1"))],
        "state": {"notes": RequestNotes("1", _TRACES.begin("POST", ""), 0.0)},
    }
    try:
        with _bounded():
            image, _ = asyncio.run(BodyReader(1, 5).read_image(Request(scope, receive)))
    except ProblemError:
        return
    assert len(image) <= len(data)


def test_strings_beside_lists_make_no_wide_array() -> None:
    """58 KB of JSON took 856 MB: a list inside a string, beside one long string and many short."""
    document = _document()
    document["inputs"][0]["data"] = [_ROW, "x" * 30_000, *["y"] * 7_000]
    with _bounded(), pytest.raises(ProblemError, match="something beside lists of numbers"):
        read_request(json.dumps(document, separators=(",", ":")).encode(), None, 8)


def test_every_seed_is_accepted() -> None:
    """The fuzzers start from bodies that are answered."""
    for body in BODIES:
        read_request(body, None, 8)


_EACH_KIND = pytest.mark.parametrize(
    ("seeds", "check"), [(BODIES, _check_tensors), (list(_FORMS), _check_form)], ids=["v2", "form"]
)


@_EACH_KIND
def test_mutated_requests_for_seconds(seeds: list[bytes], check: Any) -> None:
    """Some hundred mutated bodies of each kind."""
    assert fuzz(seeds, check, seed=23, cases=400, seconds=20).slowest_s < 5.0


@pytest.mark.drill
@pytest.mark.timeout(4000)
@_EACH_KIND
def test_mutated_requests_for_minutes(seeds: list[bytes], check: Any) -> None:
    """As many as fit into some minutes, by a seed of the day; it is printed."""
    fuzz_for_minutes(check.__name__.removeprefix("_check_"), seeds, check)
