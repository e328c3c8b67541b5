"""What the Monitor page asks; each answer comes from an index or from the counts.

A range of time is read from the counts by minute up to a day, by hour beyond, so that no page
reads more than some thousand rows, however many predictions there are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Engine, RowMapping, Select, func, select

from blemish.monitoring import rollups, schema
from blemish.monitoring.prediction_log import milliseconds, moment
from blemish.prediction import PHASES

_BUCKETS = 96  # points of a chart, about


@dataclass(frozen=True)
class Span:
    """A range of time, cut into equal buckets.

    Attributes:
        start: UTC, at the beginning of a bucket.
        end: UTC.
        bucket: Length of one.
    """

    start: datetime
    end: datetime
    bucket: timedelta

    @property
    def counted_s(self) -> int:
        """Which counts to read: by minute or by hour, in seconds."""
        fine = self.bucket < timedelta(hours=1)
        return rollups.MINUTE if fine else rollups.HOUR


def span_until(end: datetime, length: timedelta) -> Span:
    """Return the range of a length that ends at ``end``, in about 96 buckets of whole minutes."""
    minutes = max(1, round(length.total_seconds() / 60 / _BUCKETS))
    if minutes > 30:
        minutes = 60 * max(1, round(minutes / 60))
    bucket = timedelta(minutes=minutes)
    width = round(bucket.total_seconds() * 1_000)
    start = milliseconds(end - length) // width * width
    return Span(moment(start), end, bucket)


@dataclass(frozen=True)
class Traffic:
    """Sums over requests.

    Attributes:
        requests: All.
        answered: Requests that a model answered.
        defective: Answered requests with a defect.
        phases_ms: Mean milliseconds of the answered by phase; empty without any.
        shadowed: Requests that a challenger saw too.
        disagreement: Mean share of pixels on which it decided otherwise; None without any.
    """

    requests: int
    answered: int
    defective: int
    phases_ms: Mapping[str, float]
    shadowed: int
    disagreement: float | None

    @property
    def errors(self) -> int:
        """Requests that were refused or failed."""
        return self.requests - self.answered

    @property
    def error_rate(self) -> float | None:
        """Share of the requests that were refused or failed; None without any."""
        return self.errors / self.requests if self.requests else None

    @property
    def defect_rate(self) -> float | None:
        """Share of the answered with a defect; None without any."""
        return self.defective / self.answered if self.answered else None


def traffic(engine: Engine, span: Span) -> Traffic:
    """Return the sums over a range."""
    with engine.connect() as connection:
        row = connection.execute(_sums(span)).mappings().one()
    return _traffic(row)


def traffic_by_version(engine: Engine, span: Span) -> dict[int, Traffic]:
    """Return the sums over a range by version; 0 stands for requests that no version answered."""
    version = schema.traffic.c.version
    statement = _sums(span, version).group_by(version).order_by(version)
    with engine.connect() as connection:
        rows = connection.execute(statement).mappings().all()
    return {row["version"]: _traffic(row) for row in rows}


def traffic_over_time(engine: Engine, span: Span) -> list[tuple[datetime, Traffic]]:
    """Return the sums of each bucket that had requests."""
    start = _bucket_of(schema.traffic.c.start_ms, span)
    statement = _sums(span, start.label("bucket_ms")).group_by(start).order_by(start)
    with engine.connect() as connection:
        rows = connection.execute(statement).mappings().all()
    return [(moment(int(row["bucket_ms"])), _traffic(row)) for row in rows]


def latency_quantiles(
    engine: Engine, span: Span, quantiles: Sequence[float] = (0.5, 0.95, 0.99)
) -> dict[float, float] | None:
    """Return quantiles of the latency in milliseconds, within 4.5 %; None without any request."""
    table = schema.latency
    statement = (
        select(table.c.bin, func.sum(table.c.requests))
        .where(*_within(table, span))
        .group_by(table.c.bin)
        .order_by(table.c.bin)
    )
    with engine.connect() as connection:
        rows = connection.execute(statement).all()
    return _quantiles([(int(row[0]), int(row[1])) for row in rows], quantiles)


def latency_over_time(
    engine: Engine, span: Span, quantiles: Sequence[float] = (0.5, 0.95)
) -> list[tuple[datetime, dict[float, float]]]:
    """Return quantiles of each bucket that had answers."""
    table = schema.latency
    start = _bucket_of(table.c.start_ms, span)
    statement = (
        select(start.label("bucket_ms"), table.c.bin, func.sum(table.c.requests))
        .where(*_within(table, span))
        .group_by(start, table.c.bin)
        .order_by(start, table.c.bin)
    )
    buckets: dict[int, list[tuple[int, int]]] = {}
    with engine.connect() as connection:
        for bucket, number, requests in connection.execute(statement):
            buckets.setdefault(int(bucket), []).append((int(number), int(requests)))
    return [
        (moment(bucket), found)
        for bucket, bins in buckets.items()
        if (found := _quantiles(bins, quantiles))
    ]


def failures_by_type(engine: Engine, span: Span) -> dict[str, int]:
    """Return how many requests failed or were refused, by problem type, the most first."""
    table = schema.failures
    total = func.sum(table.c.requests)
    statement = (
        select(table.c.error, total)
        .where(*_within(table, span))
        .group_by(table.c.error)
        .order_by(total.desc(), table.c.error)
    )
    with engine.connect() as connection:
        return {row[0]: int(row[1]) for row in connection.execute(statement)}


def versions(engine: Engine) -> tuple[int, ...]:
    """Return the versions that answered any prediction of the log, the newest first."""
    table = schema.traffic
    statement = select(table.c.version).distinct().where(table.c.span_s == rollups.HOUR)
    with engine.connect() as connection:
        found = connection.scalars(statement.where(table.c.version > 0))
        return tuple(sorted(found, reverse=True))


def lost(engine: Engine, span: Span) -> int:
    """Return how many predictions of a range were answered but not logged."""
    table = schema.losses
    statement = select(func.coalesce(func.sum(table.c.records), 0)).where(
        table.c.time_ms >= milliseconds(span.start)
    )
    with engine.connect() as connection:
        return int(connection.scalar(statement) or 0)


def _sums(span: Span, *columns: Any) -> Select[Any]:
    table = schema.traffic
    names = [name for name in table.columns.keys() if name not in table.primary_key.columns]  # noqa: SIM118 - not a dict
    sums = [func.coalesce(func.sum(table.c[name]), 0).label(name) for name in names]
    return select(*columns, *sums).where(*_within(table, span))


def _within(table: Any, span: Span) -> tuple[Any, ...]:
    return (
        table.c.span_s == span.counted_s,
        table.c.start_ms >= milliseconds(span.start),
        table.c.start_ms <= milliseconds(span.end),
    )


def _bucket_of(column: Any, span: Span) -> Any:
    width = round(span.bucket.total_seconds() * 1_000)
    return (column // width) * width


def _traffic(row: RowMapping) -> Traffic:
    answered, shadowed = int(row["answered"]), int(row["shadowed"])
    phases = {phase: float(row[f"{phase}_ms"]) / answered for phase in PHASES if answered}
    return Traffic(
        requests=int(row["requests"]),
        answered=answered,
        defective=int(row["defective"]),
        phases_ms=phases,
        shadowed=shadowed,
        disagreement=float(row["disagreement"]) / shadowed if shadowed else None,
    )


def _quantiles(
    bins: Sequence[tuple[int, int]], quantiles: Sequence[float]
) -> dict[float, float] | None:
    if not bins:
        return None
    sums = np.cumsum([requests for _, requests in bins])
    places = np.searchsorted(sums, [quantile * sums[-1] for quantile in quantiles])
    return {
        quantile: rollups.bin_center(bins[min(int(place), len(bins) - 1)][0])
        for quantile, place in zip(quantiles, places, strict=True)
    }
