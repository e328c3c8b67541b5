"""The bodies of requests and answers, as JSON Schema."""

from typing import Any

from blemish.answers import PICTURES
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
DEFECT = object_of(
    {
        "bbox": {**list_of(INTEGER, 4), "description": "x, y, width, height in pixels"},
        "area_px": INTEGER,
        "centroid": list_of(NUMBER, 2),
        "length_px": NUMBER,
        "width_px": NUMBER,
        "orientation_deg": {**NUMBER, "exclusiveMinimum": -90, "maximum": 90},
        "mean_probability": {**NUMBER, "minimum": 0, "maximum": 1},
        "max_probability": {**NUMBER, "minimum": 0, "maximum": 1},
    }
)
PREDICTION = object_of(
    {
        "model": object_of(
            {
                "name": TEXT,
                "version": INTEGER,
                "alias": MAYBE_TEXT,
                "precision": TEXT,
                "fingerprint": TEXT,
                "git_commit": MAYBE_TEXT,
            }
        ),
        "image": object_of({"width": INTEGER, "height": INTEGER, "sha256": TEXT}),
        "threshold": {**NUMBER, "minimum": 0, "maximum": 1},
        "defective": {"type": "boolean"},
        "defect_area_fraction": {**NUMBER, "minimum": 0, "maximum": 1},
        "defect_count": {**INTEGER, "description": "of all; `defects` lists the 1,000 largest"},
        "defects": list_of(DEFECT),
        **{f"{name}_png": {**TEXT, "contentEncoding": "base64"} for name in PICTURES},
        "warnings": list_of(TEXT),
        "timing_ms": object_of(dict.fromkeys(("decode", "infer", "post", "total"), NUMBER)),
    },
    *(f"{name}_png" for name in PICTURES),
)
EXAMPLE = {
    "model": {
        "name": "blemish",
        "version": 3,
        "alias": "champion",
        "precision": "fp32",
        "fingerprint": "9f2c...",
        "git_commit": "4be1d0c",
    },
    "image": {"width": 640, "height": 480, "sha256": "5d41..."},
    "threshold": 0.5,
    "defective": True,
    "defect_area_fraction": 0.00118,
    "defect_count": 1,
    "defects": [
        {
            "bbox": [212, 96, 148, 31],
            "area_px": 362,
            "centroid": [285.1, 111.4],
            "length_px": 151.2,
            "width_px": 2.4,
            "orientation_deg": 11.3,
            "mean_probability": 0.914,
            "max_probability": 0.997,
        }
    ],
    "warnings": [],
    "timing_ms": {"decode": 1.2, "infer": 31.0, "post": 0.8, "total": 33.0},
}
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
