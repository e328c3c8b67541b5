"""Reads bodies and multipart forms: within bounds, in memory, never onto a disk."""

import asyncio
from dataclasses import dataclass, field
from email.message import Message
from typing import TYPE_CHECKING

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser
from starlette.requests import Request

from blemish.server.problems import ProblemError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_MEGABYTE = 1_000_000
_MAX_PARTS = 8
_MAX_TEXT = 64 * 1024


class Reservoir:
    """The bytes of bodies that may be held at once.

    Args:
        capacity: In bytes.
    """

    def __init__(self, capacity: int) -> None:
        self.room = capacity

    def take(self, size: int) -> None:
        """Take room for some bytes.

        Raises:
            ProblemError: There is none.
        """
        if size > self.room:
            raise ProblemError(
                "busy", "Too many large bodies are being read; come again.", {"Retry-After": "1"}
            )
        self.room -= size

    def give(self, size: int) -> None:
        """Give room back."""
        self.room += size


@dataclass
class Part:
    """One part of a form."""

    name: str = ""
    file_name: str | None = None
    data: bytearray = field(default_factory=bytearray)


async def read_body(
    request: Request, reservoir: Reservoir, *, megabytes: int, seconds: float
) -> bytes:
    """Read a body; what it took from the reservoir is in ``request.state.body_bytes``.

    Args:
        request: Its headers have come, its body maybe not.
        reservoir: What bodies may take in all.
        megabytes: The largest body, 10^6 bytes.
        seconds: How long it may take.

    Raises:
        ProblemError: It is too large, too slow, compressed, or there is no room.
    """
    limit = megabytes * _MEGABYTE
    request.state.body_bytes = 0
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise ProblemError(
            "media-type", f"The body is encoded as {encoding!r}; accepted: no Content-Encoding."
        )
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(f"{int(declared) / _MEGABYTE:,.1f} MB are announced", megabytes)
    chunks: list[bytes] = []
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                reservoir.take(len(chunk))
                request.state.body_bytes += len(chunk)
                if request.state.body_bytes > limit:
                    raise _too_large("more has come", megabytes)
                chunks.append(chunk)
    except TimeoutError as error:
        raise ProblemError(
            "body-timeout", f"The body did not come within {seconds:g} s.", {"Connection": "close"}
        ) from error
    return b"".join(chunks)


def find_picture(body: bytes, content_type: str) -> tuple[bytes, str | None]:
    """Return the picture in a body and the file name it came with.

    Args:
        body: A picture, or a multipart form with one part ``file``.
        content_type: Of the body.

    Raises:
        ProblemError: The form is torn, too large, or not what is accepted.
    """
    header = Message()
    header["content-type"] = content_type
    if header.get_content_maintype() != "multipart":
        return body, None
    boundary = header.get_param("boundary")
    if not isinstance(boundary, str) or not 1 <= len(boundary) <= 70 or not boundary.isascii():
        raise ProblemError(
            "malformed", "The multipart form names no boundary; accepted: 1 to 70 characters."
        )
    parts = parse_form(body, boundary.encode())
    files = [part for part in parts if part.name == "file"]
    if len(files) != 1 or len(parts) != 1:
        names = ", ".join(repr(part.name[:40]) for part in parts) or "nothing"
        raise ProblemError("form", f"The form holds {names}; accepted: one part named 'file'.")
    return bytes(files[0].data), files[0].file_name


def parse_form(body: bytes, boundary: bytes) -> list[Part]:
    """Split a multipart form (RFC 7578) into its parts.

    Raises:
        ProblemError: It is torn, or has more parts or longer texts than accepted.
    """
    reader = _FormReader()
    try:
        parser = MultipartParser(boundary, reader.callbacks())
        parser.write(body)
        parser.finalize()
    except MultipartParseError as error:
        raise ProblemError("malformed", f"The multipart form is torn: {error}.") from error
    if not reader.complete:
        raise ProblemError("malformed", "The multipart form ends before its closing boundary.")
    return reader.parts


class _FormReader:
    """Collects what the parser reports."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.complete = False
        self._header = bytearray()
        self._value = bytearray()

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin,
            "on_part_data": self._data,
            "on_header_begin": self._begin_header,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        if len(self.parts) == _MAX_PARTS:
            raise ProblemError("too-large", f"The form has more than {_MAX_PARTS} parts.")
        self.parts.append(Part())

    def _data(self, data: bytes, start: int, end: int) -> None:
        part = self.parts[-1]
        if part.name != "file" and len(part.data) + end - start > _MAX_TEXT:
            raise ProblemError(
                "too-large", f"A text field of the form has more than {_MAX_TEXT} bytes."
            )
        part.data += data[start:end]

    def _begin_header(self) -> None:
        self._header.clear()
        self._value.clear()

    def _end_header(self) -> None:
        if self._header.lower() != b"content-disposition":
            return
        header = Message()
        header["content-disposition"] = self._value.decode("latin-1")
        name = header.get_param("name", header="content-disposition")
        self.parts[-1].name = name if isinstance(name, str) else ""
        self.parts[-1].file_name = header.get_filename()

    def _end(self) -> None:
        self.complete = True


def _too_large(found: str, megabytes: int) -> ProblemError:
    return ProblemError(
        "too-large",
        f"The body is too large: {found}; accepted: {megabytes} MB.",
    )
