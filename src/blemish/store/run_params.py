"""Params of a run: MLflow keeps texts, ``params.yaml`` has values."""

import json
from ast import literal_eval
from collections.abc import Mapping
from typing import Any

_LENGTH = 6000  # MLflow's limit of one value


def flatten(params: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Turn nested params into MLflow's flat texts, ``train.epochs`` and so on.

    What is no text becomes JSON, as DVC and MLflow show values: ``["line-3"]``, ``null``, ``true``.
    """
    flat: dict[str, str] = {}
    for key, value in params.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{name}.")
        else:
            flat[name] = (value if isinstance(value, str) else json.dumps(value))[:_LENGTH]
    return flat


def read_param(text: str) -> Any:
    """Return the value that a flat text stands for, as older runs wrote it too: ``['line-3']``."""
    for read in (json.loads, literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return text
