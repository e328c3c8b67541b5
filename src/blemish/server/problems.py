"""Every error as ``application/problem+json`` (RFC 9457), mapped from typed errors in one place."""

import json
from collections.abc import Mapping
from typing import Any, Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.responses import Response

from blemish.errors import (
    BlemishError,
    ImageContentError,
    ImageSizeError,
    ImageTypeError,
    ModelFileError,
    ModelOutputError,
    NotFoundError,
    ServiceError,
    StoreError,
)
from blemish.problem_kinds import ProblemKind
from blemish.server.request_notes import notes_of

MEDIA_TYPE = "application/problem+json"

_KIND_OF_ERROR: dict[type[BlemishError], ProblemKind] = {
    ImageTypeError: ProblemKind.MEDIA_TYPE,
    ImageSizeError: ProblemKind.TOO_LARGE,
    ImageContentError: ProblemKind.IMAGE,
    NotFoundError: ProblemKind.MODEL_UNKNOWN,
    ModelOutputError: ProblemKind.MODEL_OUTPUT,
    ModelFileError: ProblemKind.MODEL_UNUSABLE,
    StoreError: ProblemKind.MODEL_UNUSABLE,
}
_EVERYWHERE = (401, 403, 421, 429, 500)


class ProblemError(ServiceError):
    """A request is refused.

    Args:
        kind: Type of the problem.
        detail: One sentence: what was wrong, and what is accepted.
        headers: To go with the answer.
    """

    def __init__(
        self, kind: ProblemKind, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self.kind = kind
        self.headers = dict(headers or {})
        super().__init__(detail)


def as_problem(error: BlemishError) -> ProblemError:
    """Find the problem that a typed error is to a client."""
    if isinstance(error, ProblemError):
        return error
    for error_type, kind in _KIND_OF_ERROR.items():
        if isinstance(error, error_type):
            headers = {"Retry-After": "5"} if kind is ProblemKind.MODEL_UNUSABLE else None
            return ProblemError(kind, str(error), headers)
    return internal_fault()


def internal_fault() -> ProblemError:
    """Return the problem that an unexpected error is to a client."""
    return ProblemError(
        ProblemKind.INTERNAL, "The server met a fault of its own; its log names it."
    )


class Problem(BaseModel):
    """The body of every error."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    type: Literal[tuple(kind.uri for kind in ProblemKind)]  # type: ignore[valid-type]  # one for each kind
    """Stable: a program may branch on it."""
    title: str
    status: int
    detail: str
    """What was wrong, and what is accepted."""
    instance: str
    """Names the request in the server's log."""
    error: str
    """As ``detail``: the member that the Open Inference Protocol wants."""


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problems of some statuses for OpenAPI; those of every route come with them."""
    found: dict[int | str, dict[str, Any]] = {}
    for status in sorted({*_EVERYWHERE, *statuses}):
        kinds = [kind for kind in ProblemKind if kind.status == status]
        titles = "; ".join(f"`{kind.uri}`: {kind.title}" for kind in kinds)
        content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        found[status] = {"description": titles, "content": content}
        if status in (429, 503):
            found[status]["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    return found


def problem_response(error: ProblemError, request_id: str) -> Response:
    """Return the answer to a refused request."""
    kind = error.kind
    body = Problem(
        type=kind.uri,
        title=kind.title,
        status=kind.status,
        detail=str(error),
        instance=f"urn:blemish:request:{request_id}",
        error=str(error),
    )
    # Not by pydantic: a lone surrogate stays an escape here, which is valid JSON.
    content = json.dumps(body.model_dump(), ensure_ascii=True).encode()
    return Response(content, kind.status, error.headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Have an application answer every error as a problem."""

    async def refuse(request: Request, error: Exception) -> Response:
        problem, notes = _find_problem(error), notes_of(request)
        notes.problem = problem.kind.code
        return problem_response(problem, notes.request_id)

    for kind in (BlemishError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, refuse)
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        """Add what FastAPI cannot say: problems have a media type of their own; keys are global."""
        document = plain()
        components = document.setdefault("components", {})
        components.setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"key": []}, {}]  # on loopback there may be none
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


def _find_problem(error: Exception) -> ProblemError:
    if isinstance(error, BlemishError):
        return as_problem(error)
    if isinstance(error, RequestValidationError):
        # Neither the input nor its context goes back: they may hold what JSON cannot.
        faults = "; ".join(f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in error.errors())
        return ProblemError(ProblemKind.QUERY, f"Not accepted: {faults}.")
    return _problem_of_status(error)


def _problem_of_status(error: Any) -> ProblemError:
    if error.status_code == 404:
        kind, detail = (
            ProblemKind.NOT_FOUND,
            "Nothing is at this address; /docs lists what there is.",
        )
    elif error.status_code == 405:
        accepted = (error.headers or {}).get("Allow", "another method")
        kind, detail = ProblemKind.METHOD, f"This address takes {accepted}."
    else:
        kind, detail = ProblemKind.MALFORMED, f"The request cannot be read: {error.detail}."
    return ProblemError(kind, detail, error.headers)
