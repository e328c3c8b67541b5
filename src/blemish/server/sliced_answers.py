"""Large answers are sent a slice at a time, so that one of megabytes delays no other request."""

from collections.abc import AsyncIterator, Mapping, Sequence

from starlette.responses import Response, StreamingResponse

_SLICE = 256 * 1024
"""Bytes sent in one turn of the event loop: on their way to the socket they are copied thrice."""


def sliced_answer(parts: Sequence[bytes], headers: Mapping[str, str], media_type: str) -> Response:
    """Return an answer whose body is sent as fast as the client takes it.

    Args:
        parts: The body, in parts that together are it.
        headers: Sent beside Content-Type and Content-Length.
        media_type: Content-Type.
    """
    size = sum(map(len, parts))
    if size <= _SLICE:
        return Response(b"".join(parts), 200, headers, media_type)
    return StreamingResponse(
        _slices(parts), 200, {**headers, "Content-Length": str(size)}, media_type
    )


async def _slices(parts: Sequence[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        for start in range(0, len(part), _SLICE):
            yield part[start : start + _SLICE]
