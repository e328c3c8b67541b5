"""Reads query strings strictly: no key twice, none unknown, no number that is none."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import cast
from urllib.parse import parse_qsl

from blemish.prediction import RENDERINGS, Rendering
from blemish.server.problems import ProblemError

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_DEFAULT_MODEL = "champion"


@dataclass(frozen=True)
class PredictQuery:
    """What a request to ``/v1/predict`` asks for."""

    model: str
    threshold: float | None
    include: frozenset[Rendering]


def parse_predict_query(query: bytes) -> PredictQuery:
    """Read the query string of ``/v1/predict``.

    Raises:
        ProblemError: It has a key that is unknown or comes twice, or a value that is not accepted.
    """
    values = parse_query(query, ("model", "threshold", "include"))
    threshold = values.get("threshold")
    return PredictQuery(
        model=values.get("model", _DEFAULT_MODEL),
        threshold=None if threshold is None else _parse_threshold(threshold),
        include=_parse_include(values.get("include", "")),
    )


def parse_query(query: bytes, accepted: Collection[str]) -> dict[str, str]:
    """Read a query string into a mapping.

    Raises:
        ProblemError: A key is unknown or comes twice, or the text is no UTF-8.
    """
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=16
        )
    except ValueError as error:
        raise ProblemError("query", f"The query string cannot be read: {error}.") from error
    values: dict[str, str] = {}
    names = ", ".join(accepted) or "none"
    for key, value in pairs:
        if key not in accepted:
            raise ProblemError("query", f"Unknown parameter {key[:40]!r}; accepted: {names}.")
        if key in values:
            raise ProblemError("query", f"The parameter {key!r} comes twice; name it once.")
        values[key] = value
    return values


def _parse_threshold(text: str) -> float:
    number = float(text) if _NUMBER.fullmatch(text) else -1.0
    if not 0.0 <= number <= 1.0:
        raise ProblemError("query", f"threshold={text[:40]!r}; accepted: a number from 0 to 1.")
    return number


def _parse_include(text: str) -> frozenset[Rendering]:
    names = [name for name in text.split(",") if name]
    unknown = [name for name in names if name not in RENDERINGS]
    if unknown:
        raise ProblemError(
            "query", f"include={unknown[0][:40]!r}; accepted: {', '.join(RENDERINGS)}, by commas."
        )
    return frozenset(cast("list[Rendering]", names))
