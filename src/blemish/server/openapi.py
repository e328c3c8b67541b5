"""What the routes say of themselves in the OpenAPI document."""

from typing import Any

from fastapi import FastAPI
from starlette.responses import JSONResponse, Response

from blemish.prediction import RENDERINGS, Prediction
from blemish.server import schemas
from blemish.server.problems import KINDS, MEDIA_TYPE, problem_type

_BINARY = {"schema": {"type": "string", "format": "binary"}}


def _problems(*statuses: int) -> dict[int, dict[str, Any]]:
    """Describe the problems of some statuses; 401 and 429 are everywhere."""
    found: dict[int, dict[str, Any]] = {}
    for status in (401, 429, 500, *statuses):
        kinds = {name: kind for name, kind in KINDS.items() if kind.status == status}
        titles = "; ".join(f"`{problem_type(name)}`: {kind.title}" for name, kind in kinds.items())
        content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        found[status] = {"description": titles, "content": content}
        if status in (429, 503):
            found[status]["headers"] = {"Retry-After": {"schema": schemas.INTEGER}}
    return found


def _route(
    content: dict[str, Any], text: str, *statuses: int, also: dict[int, Any] | None = None
) -> dict[str, Any]:
    """Return the keyword arguments of a route."""
    responses = {200: {"description": text, "content": content}, **_problems(*statuses)}
    return {"responses": responses | (also or {}), "response_class": Response}


def addressed(route: dict[str, Any], *names: str) -> dict[str, Any]:
    """Add the parts of a path that its function reads by itself to a route's description."""
    parts = [{"name": n, "in": "path", "required": True, "schema": schemas.TEXT} for n in names]
    return route | {"openapi_extra": {**route.get("openapi_extra", {}), "parameters": parts}}


def _query(name: str, schema: dict[str, Any], text: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": text, **more}


_PICTURE_TYPES = ("image/png", "image/jpeg", "image/bmp", "image/tiff", "image/webp")
_PICTURE_BODY = {
    "required": True,
    "description": "A PNG, JPEG, BMP, single-page TIFF or still WebP, of 8 or 16 bits.",
    "content": {
        **dict.fromkeys(_PICTURE_TYPES, _BINARY),
        "multipart/form-data": {"schema": schemas.FORM},
    },
}
PREDICT = _route(
    {"image/png": _BINARY},
    "The defects; or, for `Accept: image/png`, the picture with their outlines.",
    400,
    404,
    408,
    413,
    415,
    422,
    503,
    504,
) | {
    "tags": ["predict"],
    "response_model": Prediction,
    "response_class": JSONResponse,
    "openapi_extra": {
        "requestBody": _PICTURE_BODY,
        "parameters": [
            _query(
                "model",
                {"type": "string", "default": "champion"},
                "Alias or version.",
                example="champion",
            ),
            _query(
                "threshold",
                {"type": "number", "minimum": 0, "maximum": 1},
                "Marks every pixel from this probability on. By default the model's own rule: its "
                "threshold, and a peak that a mark must reach somewhere.",
                example=0.5,
            ),
            _query(
                "include",
                {"type": "array", "items": {"enum": list(RENDERINGS)}},
                "Pictures to put into the answer, by commas.",
                style="form",
                explode=False,
                example=["mask", "overlay"],
            ),
        ],
    },
}
MODELS = _route(schemas.json_content(schemas.CATALOGUE), "All versions, the newest first.", 422) | {
    "tags": ["models"]
}
MODEL = _route(
    schemas.json_content(schemas.object_of(schemas.MODEL_SUMMARY | schemas.LINEAGE)),
    "One version with its whole lineage.",
    404,
    422,
) | {"tags": ["models"]}

_HEALTH = {"tags": ["health"]}
LIVE = (
    _route(schemas.json_content(schemas.object_of({"status": {"const": "alive"}})), "It answers.")
    | _HEALTH
)
READY = (
    _route(
        schemas.json_content(schemas.READINESS),
        "A verified model is loaded.",
        also={
            503: {
                "description": "None is, or the server is draining.",
                "content": schemas.json_content(schemas.READINESS),
            }
        },
    )
    | _HEALTH
)
METRICS = _route({"text/plain": {"schema": schemas.TEXT}}, "Figures for Prometheus.") | _HEALTH

V2_SERVER = _route(
    schemas.json_content(
        schemas.object_of(
            {
                "name": schemas.TEXT,
                "version": schemas.TEXT,
                "extensions": schemas.list_of(schemas.TEXT),
            }
        )
    ),
    "What this server is.",
    422,
)
V2_LIVE = _route(
    schemas.json_content(schemas.object_of({"live": {"type": "boolean"}})), "It answers."
)
_V2_READINESS = schemas.json_content(schemas.object_of({"ready": {"type": "boolean"}}))
V2_READY = _route(
    _V2_READINESS,
    "A verified model is loaded.",
    also={503: {"description": "None is.", "content": _V2_READINESS}},
)
V2_INDEX = _route(
    schemas.json_content(
        schemas.list_of(
            schemas.object_of(dict.fromkeys(("name", "version", "state", "reason"), schemas.TEXT))
        )
    ),
    "All versions.",
    422,
)
V2_MODEL = _route(
    schemas.json_content(
        schemas.object_of(
            {
                "name": schemas.TEXT,
                "versions": schemas.list_of(schemas.TEXT),
                "platform": schemas.TEXT,
                "inputs": schemas.list_of(schemas.object_of(schemas.TENSOR)),
                "outputs": schemas.list_of(schemas.object_of(schemas.TENSOR)),
            }
        )
    ),
    "Versions, inputs and outputs.",
    404,
    422,
)
V2_MODEL_READY = _route(
    schemas.json_content(
        schemas.object_of(
            {"name": schemas.TEXT, "version": schemas.TEXT, "ready": {"type": "boolean"}}
        )
    ),
    "It is loaded.",
    404,
    422,
    503,
)
V2_INFER = _route(
    {**schemas.json_content(schemas.INFER_ANSWER), "application/octet-stream": _BINARY},
    "Probability, as JSON or as bytes behind JSON.",
    400,
    404,
    408,
    413,
    415,
    422,
    503,
    504,
) | {
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {
                **schemas.json_content(schemas.INFER_QUESTION, schemas.INFER_EXAMPLE),
                "application/octet-stream": _BINARY,
            },
        }
    }
}


def describe(app: FastAPI) -> None:
    """Put the problem and the key into the OpenAPI document of an application."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        document = plain()
        components = document.setdefault("components", {})
        components.setdefault("schemas", {})["Problem"] = schemas.PROBLEM
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way
