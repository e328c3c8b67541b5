"""The bodies of requests and answers, as JSON Schema."""

from typing import Any

from blemish.server.problems import KINDS, problem_type

NUMBER = {"type": "number"}
INTEGER = {"type": "integer"}
TEXT = {"type": "string"}
MAYBE_TEXT = {"type": ["string", "null"]}
MAYBE_INTEGER = {"type": ["integer", "null"]}


def object_of(properties: dict[str, Any], *optional: str) -> dict[str, Any]:
    """Describe an object; all of its properties are required but for the optional ones."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def list_of(items: dict[str, Any], length: int | None = None) -> dict[str, Any]:
    """Describe a list, of a fixed length where one is given."""
    bounds = {} if length is None else {"minItems": length, "maxItems": length}
    return {"type": "array", "items": items, **bounds}


def json_content(schema: dict[str, Any], example: Any = None) -> dict[str, Any]:
    """Describe a body that is JSON."""
    shown = {} if example is None else {"example": example}
    return {"application/json": {"schema": schema, **shown}}


PROBLEM = object_of(
    {
        "type": {"enum": [problem_type(kind) for kind in KINDS]},
        "title": TEXT,
        "status": INTEGER,
        "detail": TEXT,
        "instance": TEXT,
        "error": TEXT,
    }
)
MODEL_SUMMARY: dict[str, Any] = {
    "version": INTEGER,
    "aliases": list_of(TEXT),
    "precision": TEXT,
    "sha256": TEXT,
    "fingerprint": TEXT,
    "git_commit": TEXT,
    "created": {"type": "string", "format": "date-time"},
    "metrics": {"type": "object", "additionalProperties": NUMBER},
}
CATALOGUE = object_of(
    {
        "name": TEXT,
        "serving": MAYBE_INTEGER,
        "aliases": {"type": "object", "additionalProperties": INTEGER},
        "versions": list_of(object_of(MODEL_SUMMARY)),
    }
)
LINEAGE = {
    "run_id": TEXT,
    "record": TEXT,
    "git_dirty": {"type": ["boolean", "null"]},
    "params": {"type": "object", "additionalProperties": TEXT},
    "tags": {"type": "object", "additionalProperties": TEXT},
}
READINESS = object_of(
    {
        "status": {"enum": ["ready", "draining", "no model"]},
        "model": {"type": ["object", "null"]},
        "fault": {"type": ["object", "null"]},
        "registry": object_of({"stale_s": NUMBER, "error": MAYBE_TEXT}),
    }
)
SIDES = list_of({"type": "integer", "minimum": 1, "maximum": 4096}, 4)
TENSOR = {"name": TEXT, "datatype": TEXT, "shape": list_of(INTEGER)}
INFER_ANSWER = object_of(
    {
        "model_name": TEXT,
        "model_version": TEXT,
        "id": TEXT,
        "outputs": list_of(
            object_of(TENSOR | {"data": list_of(NUMBER), "parameters": {}}, "data", "parameters")
        ),
    },
    "id",
)
INFER_EXAMPLE = {
    "id": "42",
    "inputs": [
        {"name": "image", "datatype": "UINT8", "shape": [1, 1, 32, 32], "data": [128] * 1024}
    ],
}
INFER_QUESTION = object_of(
    {
        "id": TEXT,
        "inputs": list_of(
            object_of(
                {
                    "name": {"const": "image"},
                    "datatype": {"const": "UINT8"},
                    "shape": SIDES,
                    "data": {"type": "array", "items": {}},
                    "parameters": {"type": "object"},
                },
                "data",
                "parameters",
            ),
            1,
        ),
        "outputs": list_of(
            object_of(
                {"name": {"const": "probability"}, "parameters": {"type": "object"}}, "parameters"
            ),
            1,
        ),
        "parameters": {"type": "object"},
    },
    "id",
    "outputs",
    "parameters",
)
FORM = {
    "type": "object",
    "properties": {"file": {"type": "string", "format": "binary"}},
    "required": ["file"],
    "additionalProperties": False,
}
