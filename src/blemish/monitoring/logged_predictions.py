"""Statistics of the newest predictions and the versions in use; each from an index."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Engine, func, select

from blemish.monitoring import schema
from blemish.monitoring.prediction_log import milliseconds, moment

_AHEAD = timedelta(minutes=1)  # by which clocks of two machines may differ
_SEARCHED = 20  # newest images for each one wanted: a server measures a sample of them


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
        images: SHA-256 of each image, None where it is not known.
    """

    statistics: Mapping[str, npt.NDArray[np.float64]]
    images: tuple[str | None, ...]

    def __len__(self) -> int:
        return len(self.images)


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


@dataclass(frozen=True)
class ServedChange:
    """A server went from one version to another."""

    time: datetime
    before: int
    after: int


def served_since(engine: Engine, since: datetime) -> list[ServedChange]:
    """Return when a server took another version into use, oldest first.

    Servers that start, or take turns, tell the same version again: those rows are no change.

    Args:
        engine: The database.
        since: UTC.
    """
    table = schema.served
    before = func.lag(table.c.version).over(order_by=table.c.id)
    rows = select(table.c.time_ms, table.c.version, before.label("before")).subquery()
    changed = rows.c.before.is_not(None) & (rows.c.before != rows.c.version)
    statement = select(rows).where(changed, rows.c.time_ms >= milliseconds(since))
    with engine.connect() as connection:
        found = connection.execute(statement.order_by(rows.c.time_ms)).mappings().all()
    return [ServedChange(moment(row["time_ms"]), row["before"], row["version"]) for row in found]


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
