"""Single predictions and versions in use, as the Monitor page shows them; each from an index."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Engine, RowMapping, func, select

from blemish.monitoring import schema
from blemish.monitoring.prediction_log import moment

_SEARCHED = 20  # newest images for each one wanted: a server measures a sample of them


@dataclass(frozen=True)
class Logged:
    """One prediction, as the page lists it."""

    time: datetime
    request_id: str
    status: int
    error: str | None
    version: int | None
    alias: str | None
    width: int | None
    height: int | None
    image_sha256: str | None
    threshold: float | None
    defective: bool | None
    defect_area_fraction: float | None
    defect_count: int | None
    defects: tuple[Mapping[str, Any], ...]
    total_ms: float | None
    shadow_version: int | None
    shadow_disagreement: float | None


def latest(engine: Engine, count: int, only: str = "all") -> list[Logged]:
    """Return the newest predictions.

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
        return [_logged(row) for row in connection.execute(statement).mappings()]


def last_time(engine: Engine) -> datetime | None:
    """Return when the newest prediction was made; None without any."""
    with engine.connect() as connection:
        newest = connection.scalar(select(func.max(schema.predictions.c.time_ms)))
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
    statement = select(table).order_by(table.c.time_ms.desc(), table.c.id.desc()).limit(1)
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


def _logged(row: RowMapping) -> Logged:
    values = {name: row[name] for name in Logged.__dataclass_fields__ if name in row}
    return Logged(
        **{
            **values,
            "time": moment(row["time_ms"]),
            "defects": tuple(json.loads(row["defects"] or "[]")),
        }
    )
