"""A prediction as a record, and the log that stores batches of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, insert

from blemish.monitoring import rollups, schema


@dataclass(frozen=True, kw_only=True, slots=True)
class PredictionRecord:
    """One request and its answer, as a server tells it to the log.

    Attributes:
        time: When the request came, with a time zone.
        request_id: Its name in the server's own log.
        status: HTTP status of the answer.
        error: Type of the problem where the status is an error, else None.
        version: Version that answered; None where none did.
        alias: Name by which the version was asked for, if any.
        precision: ``fp32`` or ``int8``.
        width: Of the image as stored, in pixels.
        height: Likewise.
        image_sha256: Of the bytes received, 64 hexadecimal digits.
        threshold: Probability from which a pixel counts as defect.
        defective: Whether any defect was found.
        defect_area_fraction: Share of the pixels in defects, in [0, 1].
        defects: As in the answer of ``/v1/predict``; JSON values only.
        timing_ms: Milliseconds by phase: ``decode``, ``infer``, ``post``, ``total``.
        statistics: Of the image, as :func:`blemish.image_statistics.as_figures` gives them,
            and ``probability_mass``, the mean of its probability map; those that are known.
        shadow_version: Challenger that saw the same image, if one did.
        shadow_disagreement: Share of the pixels on which it decided otherwise, in [0, 1].
        picture: Bytes of the image as received, where pictures are kept.
    """

    time: datetime
    request_id: str
    status: int
    error: str | None = None
    version: int | None = None
    alias: str | None = None
    precision: str | None = None
    width: int | None = None
    height: int | None = None
    image_sha256: str | None = None
    threshold: float | None = None
    defective: bool | None = None
    defect_area_fraction: float | None = None
    defects: Sequence[Mapping[str, Any]] = ()
    timing_ms: Mapping[str, float] = field(default_factory=dict)
    statistics: Mapping[str, float] = field(default_factory=dict)
    shadow_version: int | None = None
    shadow_disagreement: float | None = None
    picture: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServedRecord:
    """A version that a server took into use.

    Attributes:
        time: When, with a time zone.
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

    def write(self, records: Sequence[PredictionRecord]) -> None:
        """Store a batch: all of it, or nothing and an ``SQLAlchemyError``."""
        if not records:
            return
        rows = [_row(record) for record in records]
        with self.engine.begin() as connection:
            connection.execute(insert(schema.predictions), rows)
            rollups.add(connection, rows)

    def write_served(self, record: ServedRecord) -> None:
        """Store that a version was taken into use."""
        row = {
            "time_ms": milliseconds(record.time),
            "version": record.version,
            "alias": record.alias,
            "precision": record.precision,
            "statistics": json.dumps(dict(record.statistics)),
        }
        with self.engine.begin() as connection:
            connection.execute(insert(schema.served), row)

    def write_loss(self, records: int, time: datetime) -> None:
        """Store that some predictions were answered but could not be logged."""
        row = {"time_ms": milliseconds(time), "records": records}
        with self.engine.begin() as connection:
            connection.execute(insert(schema.losses), row)


def _row(record: PredictionRecord) -> dict[str, Any]:
    row: dict[str, Any] = {
        "time_ms": milliseconds(record.time),
        "request_id": _text(record.request_id, 128),
        "status": record.status,
        "error": _text(record.error, 128),
        "version": record.version,
        "alias": _text(record.alias, 128),
        "precision": _text(record.precision, 16),
        "width": record.width,
        "height": record.height,
        "image_sha256": _text(record.image_sha256, 64),
        "threshold": record.threshold,
        "defective": record.defective,
        "defect_area_fraction": record.defect_area_fraction,
        "defect_count": len(record.defects),
        "defects": json.dumps([dict(defect) for defect in record.defects]),
        "shadow_version": record.shadow_version,
        "shadow_disagreement": record.shadow_disagreement,
    }
    row |= {f"{phase}_ms": record.timing_ms.get(phase) for phase in schema.PHASES}
    row |= {name: record.statistics.get(name) for name in schema.STATISTICS}
    return row


def _text(value: str | None, length: int) -> str | None:
    """Make a text fit for both databases: no longer than its column, no NUL, no lone surrogate."""
    if value is None:
        return None
    return value.replace("\0", "").encode(errors="replace").decode()[:length]
