"""Reads bodies and multipart forms: within bounds, in memory, never onto a disk."""

import asyncio
from collections.abc import AsyncGenerator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from blemish.server.problems import ProblemError
from blemish.server.request_notes import notes_of

_MEGABYTE = 1_000_000
_MAX_CONTENT_TYPE = 1_024
_MAX_TEXT = 64 * 1024
_MAX_PARTS = 8
_STEP = 256 * 1024
# What Starlette's parser says, and what that is here.
_KINDS = (
    ("too-large", "Too many"),
    ("too-large", "Part exceeded"),
    ("form", "The Content-Disposition"),
)


class BodyMemory:
    """The bytes of bodies that may be held at once.

    Args:
        capacity: In bytes.
    """

    def __init__(self, capacity: int) -> None:
        self.room = capacity

    def reserve(self, size: int) -> None:
        """Take room for some bytes.

        Raises:
            ProblemError: There is none.
        """
        if size > self.room:
            raise ProblemError(
                "busy", "Too many large bodies are being read; come again.", {"Retry-After": "1"}
            )
        self.room -= size

    def release(self, size: int) -> None:
        """Give room back."""
        self.room += size


async def read_body(
    request: Request, body_memory: BodyMemory, *, megabytes: int, seconds: float
) -> bytes:
    """Read a body; what it takes of the memory stands in the notes of the request.

    Args:
        request: Its headers have come, its body maybe not.
        body_memory: What bodies may take in all.
        megabytes: The largest body, 10^6 bytes.
        seconds: How long it may take.

    Raises:
        ProblemError: It is too large, too slow, compressed, or there is no room.
    """
    limit = megabytes * _MEGABYTE
    notes = notes_of(request)
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
                body_memory.reserve(len(chunk))
                notes.body_bytes += len(chunk)
                if notes.body_bytes > limit:
                    raise _too_large("more has come", megabytes)
                chunks.append(chunk)
    except TimeoutError as error:
        raise ProblemError(
            "body-timeout", f"The body did not come within {seconds:g} s.", {"Connection": "close"}
        ) from error
    return b"".join(chunks)


async def wait_for_disconnect(request: Request) -> None:
    """Return when the client has closed its connection; its body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def read_image(
    request: Request, body_memory: BodyMemory, *, megabytes: int, seconds: float
) -> tuple[bytes, str | None]:
    """Return the image in a body, and the file name it came with if it came in a form.

    Args:
        request: As for :func:`read_body`; the body is an image, or a form with one part ``file``.
        body_memory: Likewise.
        megabytes: Likewise.
        seconds: Likewise.

    Raises:
        ProblemError: As there; or the form is broken, or not what is accepted.
    """
    declared = request.headers.get("content-type", "")
    if len(declared) > _MAX_CONTENT_TYPE:
        raise ProblemError(
            "malformed",
            f"The Content-Type has {len(declared)} characters; accepted: {_MAX_CONTENT_TYPE}.",
        )
    kind, parameters = parse_options_header(declared)
    body = await read_body(request, body_memory, megabytes=megabytes, seconds=seconds)
    if not kind.startswith(b"multipart/"):
        return body, None
    if not 1 <= len(parameters.get(b"boundary", b"")) <= 70:
        raise ProblemError(
            "malformed", "The multipart form names no boundary; accepted: 1 to 70 characters."
        )
    return await _read_form(request.headers, body)


async def _read_form(headers: Headers, body: bytes) -> tuple[bytes, str | None]:
    """Return the one file of a multipart form (RFC 7578) and its name."""
    parser = _FormParser(
        headers,
        _in_steps(body),
        max_files=_MAX_PARTS,
        max_fields=_MAX_PARTS,
        max_part_size=_MAX_TEXT,
    )
    try:
        form = await parser.parse()
        if not parser.complete:
            raise ProblemError("malformed", "The form ends before its closing boundary.")
        names = [name for name, _ in form.multi_items()]
        file = form.get("file")
        if names != ["file"] or not isinstance(file, UploadFile):
            found = ", ".join(repr(name[:40]) for name in names) or "nothing"
            raise ProblemError("form", f"The form holds {found}; accepted: one part named 'file'.")
        return await file.read(), file.filename
    except (MultiPartException, FormParserError) as error:
        reason = error.message if isinstance(error, MultiPartException) else str(error)
        kind = next((k for k, start in _KINDS if reason.startswith(start)), "malformed")
        raise ProblemError(
            kind, f"The form is not accepted: {reason} Accepted: one part named 'file'."
        ) from error
    finally:
        parser.close_files()


class _FormParser(MultiPartParser):
    """Starlette's parser, which never writes onto a disk here and knows whether a form is whole."""

    spool_max_size = 1 << 40
    complete = False

    def close_files(self) -> None:
        """Close all files, those too of parts that never ended, which no form holds."""
        for file in self._files_to_close_on_error:
            file.close()

    def on_end(self) -> None:
        """Note that the closing boundary has come."""
        self.complete = True


async def _in_steps(body: bytes) -> AsyncGenerator[bytes, None]:
    """Yield a body in pieces, between which other requests are served."""
    for start in range(0, len(body), _STEP):
        yield body[start : start + _STEP]
        await asyncio.sleep(0)


def _too_large(found: str, megabytes: int) -> ProblemError:
    return ProblemError(
        "too-large",
        f"The body is too large: {found}; accepted: {megabytes} MB.",
    )
