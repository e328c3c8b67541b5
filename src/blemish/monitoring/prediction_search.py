"""Single predictions of the log: found by a filter, page by page, or opened by their number."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Engine, RowMapping, and_, or_, select

from blemish.monitoring import schema
from blemish.monitoring.prediction_log import LogEntry, milliseconds, moment
from blemish.prediction import Prediction

Verdict = Literal["all", "answered", "defective", "defect-free", "errors"]
_KEYS = 200  # names that a list shows


@dataclass(frozen=True)
class LoggedPrediction:
    """An entry with the number that the log gave it."""

    id: int
    entry: LogEntry


@dataclass(frozen=True)
class PredictionFilter:
    """Which predictions are wanted; what is None bounds nothing.

    Attributes:
        verdict: What was said of the image, or that the request was refused.
        version: That answered.
        key: Name of the API key that asked.
        since: The first moment, UTC.
        until: The moment after the last, UTC.
    """

    verdict: Verdict = "all"
    version: int | None = None
    key: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return what holds for the rows that pass."""
        table = schema.predictions
        found: list[ColumnElement[bool]] = []
        if self.verdict == "errors":
            found.append(table.c.error.is_not(None))
        elif self.verdict == "answered":
            found.append(table.c.error.is_(None))
        elif self.verdict != "all":
            found.append(table.c.defective.is_(self.verdict == "defective"))
        if self.version is not None:
            found.append(table.c.version == self.version)
        if self.key is not None:
            found.append(table.c.key_name == self.key)
        if self.since is not None:
            found.append(table.c.time_ms >= milliseconds(self.since))
        if self.until is not None:
            found.append(table.c.time_ms < milliseconds(self.until))
        return found


def search(
    engine: Engine,
    count: int,
    wanted: PredictionFilter = PredictionFilter(),
    *,
    before: int | None = None,
) -> list[LoggedPrediction]:
    """Return predictions, the newest first; a corrupt row has the error ``row-corrupt``.

    Args:
        engine: The database.
        count: Most predictions to return.
        wanted: Filter that the predictions pass.
        before: Only those older than the prediction of this number, for the next page.
    """
    table = schema.predictions
    statement = select(table).where(*wanted.conditions())
    with engine.connect() as connection:
        if before is not None:
            place = _place(connection.execute(_times(before)).mappings().first())
            statement = statement.where(_older(*place))
        newest_first = statement.order_by(table.c.time_ms.desc(), table.c.id.desc()).limit(count)
        return [_read(row) for row in connection.execute(newest_first).mappings()]


def newer_neighbour(engine: Engine, number: int, wanted: PredictionFilter) -> int | None:
    """Return the number of the next newer prediction that a filter passes; None at the newest."""
    table = schema.predictions
    statement = select(table.c.id).where(*wanted.conditions())
    oldest_first = statement.order_by(table.c.time_ms, table.c.id).limit(1)
    with engine.connect() as connection:
        time_ms, own = _place(connection.execute(_times(number)).mappings().first())
        same = and_(table.c.time_ms == time_ms, table.c.id > own)
        found: int | None = connection.scalar(
            oldest_first.where(or_(table.c.time_ms > time_ms, same))
        )
    return found


def find(engine: Engine, number: int) -> LoggedPrediction | None:
    """Return the prediction of a number; None where the log has none, or no longer."""
    table = schema.predictions
    with engine.connect() as connection:
        row = connection.execute(select(table).where(table.c.id == number)).mappings().first()
    return None if row is None else _read(row)


def key_names(engine: Engine) -> tuple[str, ...]:
    """Return the names of the API keys in the log, sorted."""
    name = schema.predictions.c.key_name
    statement = select(name).where(name.is_not(None)).distinct().order_by(name).limit(_KEYS)
    with engine.connect() as connection:
        return tuple(connection.scalars(statement))


def _times(number: int) -> Any:
    table = schema.predictions
    return select(table.c.time_ms, table.c.id).where(table.c.id == number)


def _place(row: RowMapping | None) -> tuple[int, int]:
    """Return time and number of a row; before everything where there is no such row any more."""
    return (0, 0) if row is None else (int(row["time_ms"]), int(row["id"]))


def _older(time_ms: int, number: int) -> ColumnElement[bool]:
    table = schema.predictions
    same = and_(table.c.time_ms == time_ms, table.c.id < number)
    return or_(table.c.time_ms < time_ms, same)


def _read(row: RowMapping) -> LoggedPrediction:
    return LoggedPrediction(int(row["id"]), _to_entry(row))


def _to_entry(row: RowMapping) -> LogEntry:
    error, prediction = row["error"], None
    if row["image_sha256"] is not None:
        try:
            prediction = Prediction.from_row(dict(row))
        except (ValueError, TypeError):  # edited by hand, or a disk that lost bits
            error = "row-corrupt"
    return LogEntry(
        time=moment(row["time_ms"]),
        request_id=row["request_id"],
        status=row["status"],
        error=error,
        detail=row["error_detail"],
        key=row["key_name"],
        version=row["version"],
        prediction=prediction,
        statistics={n: row[n] for n in schema.STATISTICS if row[n] is not None},
        shadow_version=row["shadow_version"],
        shadow_disagreement=row["shadow_disagreement"],
    )
