"""What the prediction log keeps of a request, and how batches of such entries are stored."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Engine, insert

from blemish.monitoring import rollups, schema
from blemish.prediction import Prediction

_COLUMNS = {column.name: column for column in schema.predictions.columns if not column.primary_key}


@dataclass(frozen=True, kw_only=True, slots=True)
class LogEntry:
    """One request and its answer, as a server tells it to the log.

    Attributes:
        time: When the request came, with a time zone.
        request_id: Its name in the server's own log.
        status: HTTP status of the answer.
        error: Type of the problem where the status is an error, else None.
        detail: The sentence of that problem, as the client was told.
        key: Name of the API key that asked; None where the server needs none.
        version: Version that answered or was to answer; None where none was found.
        prediction: What was answered; None where the request was refused. The log keeps no
            renderings.
        statistics: Of the image, as :func:`blemish.image_statistics.as_numbers` gives them,
            and ``probability_mass``, the mean of its probability map; those that are known.
        shadow_version: Challenger that saw the same image, if one did.
        shadow_disagreement: Share of the pixels on which it decided otherwise, in [0, 1].
        image: Bytes of the image as received, where images are kept.
    """

    time: datetime
    request_id: str
    status: int
    error: str | None = None
    detail: str | None = None
    key: str | None = None
    version: int | None = None
    prediction: Prediction | None = None
    statistics: Mapping[str, float] = field(default_factory=dict)
    shadow_version: int | None = None
    shadow_disagreement: float | None = None
    image: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServedEntry:
    """A version that a server took into use.

    Attributes:
        time: Moment of the change, with a time zone.
        version: Its number.
        alias: Name by which it was found, if any.
        precision: ``fp32`` or ``int8``.
        statistics: Training statistics of its file (``blemish.statistics``), parsed.
    """

    time: datetime
    version: int
    alias: str | None = None
    precision: str | None = None
    statistics: Mapping[str, Any] = field(default_factory=dict)


def milliseconds(time: datetime) -> int:
    """Return a time with a zone as whole milliseconds since 1970 UTC."""
    return round(time.timestamp() * 1_000)


def moment(time_ms: int) -> datetime:
    """Return milliseconds since 1970 UTC as a time in UTC."""
    return datetime.fromtimestamp(time_ms / 1_000, UTC)


class PredictionLog:
    """Stores predictions, with their counts by minute and hour, in one transaction a batch."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def write(self, entries: Sequence[LogEntry]) -> None:
        """Store a batch: all of it, or nothing and an ``SQLAlchemyError``."""
        if not entries:
            return
        rows = [_row(entry) for entry in entries]
        with self.engine.begin() as connection:
            connection.execute(insert(schema.predictions), rows)
            rollups.add(connection, rows)

    def write_served(self, entry: ServedEntry) -> None:
        """Store that a version was taken into use."""
        row = {
            "time_ms": milliseconds(entry.time),
            "version": entry.version,
            "alias": entry.alias,
            "precision": entry.precision,
            "statistics": json.dumps(dict(entry.statistics)),
        }
        with self.engine.begin() as connection:
            connection.execute(insert(schema.served), row)

    def write_loss(self, entries: int, time: datetime) -> None:
        """Store that some predictions were answered but could not be logged."""
        row = {"time_ms": milliseconds(time), "records": entries}
        with self.engine.begin() as connection:
            connection.execute(insert(schema.losses), row)


def _row(entry: LogEntry) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(_COLUMNS)
    row |= {
        "time_ms": milliseconds(entry.time),
        "request_id": entry.request_id,
        "status": entry.status,
        "error": entry.error,
        "error_detail": entry.detail,
        "key_name": entry.key,
        "version": entry.version,
        "shadow_version": entry.shadow_version,
        "shadow_disagreement": entry.shadow_disagreement,
    }
    row |= {name: entry.statistics.get(name) for name in schema.STATISTICS}
    if entry.prediction is not None:
        row |= entry.prediction.to_row()
    return {name: _fit(value, _COLUMNS[name]) for name, value in row.items()}


def _fit(value: Any, column: Column[Any]) -> Any:
    """Make a text fit for both databases: no longer than its column, no NUL, no lone surrogate."""
    if not isinstance(value, str):
        return value
    length = getattr(column.type, "length", None)
    return value.replace("\0", "").encode(errors="replace").decode()[:length]
