"""Single predictions and versions in use, as the Monitor page shows them; each from an index."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Engine, RowMapping, func, select

from blemish.monitoring import schema
from blemish.monitoring.prediction_log import PredictionRecord, milliseconds, moment
from blemish.prediction import Prediction

_AHEAD = timedelta(minutes=1)  # by which clocks of two machines may differ
_SEARCHED = 20  # newest images for each one wanted: a server measures a sample of them


def latest(engine: Engine, count: int, only: str = "all") -> list[PredictionRecord]:
    """Return the newest predictions; one whose row is corrupt has the error ``row-corrupt``.

    Args:
        engine: The database.
        count: How many at most.
        only: ``all``, ``defective`` or ``errors``.
    """
    table = schema.predictions
    statement = select(table).order_by(table.c.time_ms.desc()).limit(count)
    if only == "defective":
        statement = statement.where(table.c.defective.is_(True))
    elif only == "errors":
        statement = statement.where(table.c.error.is_not(None))
    with engine.connect() as connection:
        return [_read(row) for row in connection.execute(statement).mappings()]


def last_time(engine: Engine, now: datetime) -> datetime | None:
    """Return when the newest prediction was made; None without any.

    One that lies ahead of ``now`` was written by a clock that was wrong, and is left out.
    """
    time = schema.predictions.c.time_ms
    statement = select(func.max(time)).where(time <= milliseconds(now + _AHEAD))
    with engine.connect() as connection:
        newest = connection.scalar(statement)
    return None if newest is None else moment(newest)


@dataclass(frozen=True)
class StatisticsWindow:
    """The newest answered images of a version, in numbers.

    Attributes:
        statistics: Name of a statistic to its values, shape ``(N,)``, float64, newest first.
        pictures: SHA-256 of each image, None where it is not known.
    """

    statistics: Mapping[str, npt.NDArray[np.float64]]
    pictures: tuple[str | None, ...]

    def __len__(self) -> int:
        return len(self.pictures)


def window(engine: Engine, version: int, count: int) -> StatisticsWindow:
    """Return the statistics of the newest ``count`` measured images that a version answered.

    A server measures a sample of a dense stream; the newest ``20 * count`` images are searched.
    """
    table = schema.predictions
    columns = [table.c[name] for name in schema.STATISTICS]
    recent = (
        select(table.c.image_sha256, table.c.time_ms, *columns)
        .where(table.c.version == version, table.c.error.is_(None))
        .order_by(table.c.time_ms.desc())
        .limit(_SEARCHED * count)
        .subquery()
    )
    statement = (
        select(recent.c.image_sha256, *(recent.c[name] for name in schema.STATISTICS))
        .where(recent.c.brightness.is_not(None))
        .order_by(recent.c.time_ms.desc())
        .limit(count)
    )
    with engine.connect() as connection:
        rows = connection.execute(statement).all()
    values = np.array([list(row[1:]) for row in rows], np.float64).reshape(len(rows), len(columns))
    return StatisticsWindow(
        dict(zip(schema.STATISTICS, values.T, strict=True)), tuple(row[0] for row in rows)
    )


@dataclass(frozen=True)
class ServedVersion:
    """The version in use: since when, under which name, with the statistics of its file."""

    time: datetime
    version: int
    alias: str | None
    precision: str | None
    statistics: Mapping[str, Any]


def served(engine: Engine) -> ServedVersion | None:
    """Return the version that a server took into use last; None when none said so."""
    table = schema.served
    statement = select(table).order_by(table.c.id.desc()).limit(1)
    with engine.connect() as connection:
        row = connection.execute(statement).mappings().first()
    if row is None:
        return None
    return ServedVersion(
        moment(row["time_ms"]),
        row["version"],
        row["alias"],
        row["precision"],
        json.loads(row["statistics"]),
    )


def _read(row: RowMapping) -> PredictionRecord:
    error, prediction = row["error"], None
    if row["image_sha256"] is not None:
        try:
            prediction = Prediction.from_row(dict(row))
        except (ValueError, TypeError):  # edited by hand, or a disk that lost bits
            error = "row-corrupt"
    return PredictionRecord(
        time=moment(row["time_ms"]),
        request_id=row["request_id"],
        status=row["status"],
        error=error,
        version=row["version"],
        prediction=prediction,
        statistics={n: row[n] for n in schema.STATISTICS if row[n] is not None},
        shadow_version=row["shadow_version"],
        shadow_disagreement=row["shadow_disagreement"],
    )
