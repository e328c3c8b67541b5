"""What the log forgets: predictions by age, images by age and by size; the counts stay longer."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, Table, delete, select

from blemish.config.monitor import Keep
from blemish.monitoring import rollups, schema
from blemish.monitoring.image_store import ImageStore
from blemish.monitoring.prediction_log import milliseconds

_CHUNK = 5_000  # rows a transaction: a writer waits no longer than for one of these
_COUNTS_LIVE = 4  # times as long as predictions


@dataclass(frozen=True)
class Pruned:
    """What went."""

    predictions: int
    images: int
    image_bytes: int


def prune(engine: Engine, images: ImageStore, keep: Keep, now: datetime) -> Pruned:
    """Delete what is older than is to be kept; safe to stop and repeat at any moment.

    Args:
        engine: The database.
        images: The images.
        keep: How long predictions and images are kept.
        now: UTC.
    """
    oldest = milliseconds(now - timedelta(days=keep.days))
    minutes = milliseconds(now - timedelta(days=max(keep.days, 2)))
    counts = milliseconds(now - timedelta(days=keep.days * _COUNTS_LIVE))
    gone = _delete_before(engine, schema.predictions, oldest)
    for table in (schema.traffic, schema.latency, schema.failures):
        _delete_counts(engine, table, rollups.MINUTE, minutes)
        _delete_counts(engine, table, rollups.HOUR, counts)
    freed = images.prune(days=keep.image_days, megabytes=keep.image_megabytes, now=now.timestamp())
    return Pruned(gone, *freed)


def _delete_before(engine: Engine, table: Table, time_ms: int) -> int:
    """Delete rows older than a time, some thousand at once."""
    gone = 0
    while True:
        old = select(table.c.id).where(table.c.time_ms < time_ms).limit(_CHUNK)
        with engine.begin() as connection:
            found = connection.execute(delete(table).where(table.c.id.in_(old))).rowcount
        gone += found
        if found < _CHUNK:
            return gone


def _delete_counts(engine: Engine, table: Table, span_s: int, time_ms: int) -> None:
    with engine.begin() as connection:
        connection.execute(
            delete(table).where(table.c.span_s == span_s, table.c.start_ms < time_ms)
        )
