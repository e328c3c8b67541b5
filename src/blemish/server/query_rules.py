"""What FastAPI does not ask of a query string: no key twice, and text that is UTF-8.

It would take the last of two equal keys, and read other bytes as replacement characters.
"""

from urllib.parse import parse_qsl

from fastapi import Request

from blemish.problem_kinds import ProblemKind
from blemish.server.problems import ProblemError

_MAX_KEYS = 16


def refuse_ambiguous_query(request: Request) -> None:
    """Refuse a query string with a key that comes twice, or with bytes that are no UTF-8.

    Raises:
        ProblemError: It is such a one.
    """
    keys = [key for key, _ in _read(request)]
    for key in keys:
        if keys.count(key) > 1:
            raise ProblemError(
                ProblemKind.QUERY, f"The parameter {key[:40]!r} comes twice; name it once."
            )


def refuse_any_query(request: Request) -> None:
    """Refuse a query string where none is read.

    Raises:
        ProblemError: There is one.
    """
    for key, _ in _read(request):
        raise ProblemError(ProblemKind.QUERY, f"Unknown parameter {key[:40]!r}; accepted: none.")


def _read(request: Request) -> list[tuple[str, str]]:
    query: bytes = request.scope["query_string"]
    try:
        return parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_KEYS
        )
    except ValueError as error:
        raise ProblemError(
            ProblemKind.QUERY, f"The query string cannot be read: {error}."
        ) from error
