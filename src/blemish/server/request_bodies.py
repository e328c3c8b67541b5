"""Reads bodies and multipart forms: within bounds, in memory, never onto a disk."""

import asyncio
from collections.abc import AsyncGenerator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from blemish.problem_kinds import ProblemKind
from blemish.server.problems import ProblemError
from blemish.server.request_notes import RequestNotes, notes_of

_MEGABYTE = 1_000_000
_BODIES_AT_ONCE = 8  # of the largest size, that may be held at once
_MAX_CONTENT_TYPE = 1_024
_MAX_TEXT = 64 * 1024
_MAX_PARTS = 8
_STEP = 256 * 1024
# What Starlette's parser says, and what that is here.
_KINDS = (
    (ProblemKind.TOO_LARGE, "Too many"),
    (ProblemKind.TOO_LARGE, "Part exceeded"),
    (ProblemKind.FORM, "The Content-Disposition"),
)


class BodyReader:
    """Reads bodies of one size at most, and bounds what all of them hold at once.

    Args:
        megabytes: The largest body, 10^6 bytes.
        seconds: Longest time that a body may take.
    """

    def __init__(self, megabytes: int, seconds: float) -> None:
        self._megabytes = megabytes
        self._seconds = seconds
        self._room = _BODIES_AT_ONCE * megabytes * _MEGABYTE

    async def read(self, request: Request) -> bytes:
        """Read a body; what it holds stands in the notes of the request, and is released with it.

        Raises:
            ProblemError: It is too large, too slow, compressed, or there is no room.
        """
        notes = notes_of(request)
        encoding = request.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            raise ProblemError(
                ProblemKind.MEDIA_TYPE,
                f"The body is encoded as {encoding!r}; accepted: no Content-Encoding.",
            )
        declared = request.headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > self._megabytes * _MEGABYTE:
            raise self._too_large(f"{int(declared) / _MEGABYTE:,.1f} MB are announced")
        chunks: list[bytes] = []
        try:
            async with asyncio.timeout(self._seconds):
                async for chunk in request.stream():
                    self._reserve(notes, len(chunk))
                    chunks.append(chunk)
        except TimeoutError as error:
            raise ProblemError(
                ProblemKind.BODY_TIMEOUT,
                f"The body did not come within {self._seconds:g} s.",
                {"Connection": "close"},
            ) from error
        return b"".join(chunks)

    async def read_image(self, request: Request) -> tuple[bytes, str | None]:
        """Return the image in a body, and the file name it came with if it came in a form.

        Args:
            request: Its body is an image, or a form with one part ``file``.

        Raises:
            ProblemError: As :meth:`read`; or the form is broken, or not what is accepted.
        """
        declared = request.headers.get("content-type", "")
        if len(declared) > _MAX_CONTENT_TYPE:
            raise ProblemError(
                ProblemKind.MALFORMED,
                f"The Content-Type has {len(declared)} characters; accepted: {_MAX_CONTENT_TYPE}.",
            )
        kind, parameters = parse_options_header(declared)
        body = await self.read(request)
        if not kind.startswith(b"multipart/"):
            return body, None
        if not 1 <= len(parameters.get(b"boundary", b"")) <= 70:
            raise ProblemError(
                ProblemKind.MALFORMED,
                "The multipart form names no boundary; accepted: 1 to 70 characters.",
            )
        return await _read_form(request.headers, body)

    def release(self, size: int) -> None:
        """Give the room of a body back."""
        self._room += size

    def _reserve(self, notes: RequestNotes, size: int) -> None:
        if size > self._room:
            raise ProblemError(
                ProblemKind.BUSY,
                "Too many large bodies are being read; come again.",
                {"Retry-After": "1"},
            )
        self._room -= size
        notes.body_bytes += size
        if notes.body_bytes > self._megabytes * _MEGABYTE:
            raise self._too_large("more has come")

    def _too_large(self, found: str) -> ProblemError:
        return ProblemError(
            ProblemKind.TOO_LARGE,
            f"The body is too large: {found}; accepted: {self._megabytes} MB.",
        )


async def wait_for_disconnect(request: Request) -> None:
    """Return when the client has closed its connection; its body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


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
            raise ProblemError(ProblemKind.MALFORMED, "The form ends before its closing boundary.")
        names = [name for name, _ in form.multi_items()]
        file = form.get("file")
        if names != ["file"] or not isinstance(file, UploadFile):
            found = ", ".join(repr(name[:40]) for name in names) or "nothing"
            raise ProblemError(
                ProblemKind.FORM, f"The form holds {found}; accepted: one part named 'file'."
            )
        return await file.read(), file.filename
    except (MultiPartException, FormParserError) as error:
        reason = error.message if isinstance(error, MultiPartException) else str(error)
        kind = next((k for k, start in _KINDS if reason.startswith(start)), ProblemKind.MALFORMED)
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
