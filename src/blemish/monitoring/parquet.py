"""The log as a Parquet file, to be read by other tools."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import BigInteger, Boolean, Column, ColumnElement, Engine, Float, Integer, select

from blemish.files import atomic_path
from blemish.monitoring import schema
from blemish.monitoring.prediction_log import milliseconds

_ROWS = 20_000  # of a row group


def export(
    engine: Engine, target: Path, *, since: datetime | None = None, until: datetime | None = None
) -> int:
    """Write the predictions of a range to a Parquet file, oldest first; whole or not at all.

    Args:
        engine: The database.
        target: The file.
        since: The first moment; the beginning by default.
        until: The moment after the last; the end by default.

    Returns:
        How many predictions.
    """
    table = schema.predictions
    columns = [column for column in table.columns if column.name != "id"]
    layout = pa.schema([pa.field(_name(column), _type(column)) for column in columns])
    statement = select(*columns).order_by(table.c.time_ms, table.c.id)
    statement = statement.where(*_within(since, until))
    written = 0
    with (
        atomic_path(target) as temporary,
        pq.ParquetWriter(temporary, layout, compression="zstd") as writer,
        engine.connect().execution_options(yield_per=_ROWS) as connection,
    ):
        for rows in connection.execute(statement).partitions(_ROWS):
            writer.write_table(_table(rows, layout))
            written += len(rows)
    return written


def _table(rows: Sequence[Any], layout: pa.Schema) -> pa.Table:
    columns = zip(zip(*rows, strict=True), layout, strict=True)
    arrays = [pa.array(values, type=field.type) for values, field in columns]
    return pa.Table.from_arrays(arrays, schema=layout)


def _within(since: datetime | None, until: datetime | None) -> Iterator[ColumnElement[bool]]:
    moment = schema.predictions.c.time_ms
    if since is not None:
        yield moment >= milliseconds(since)
    if until is not None:
        yield moment < milliseconds(until)


def _name(column: Column[Any]) -> str:
    return "time" if column.name == "time_ms" else str(column.name)


def _type(column: Column[Any]) -> pa.DataType:
    if column.name == "time_ms":
        return pa.timestamp("ms", tz="UTC")
    for kind, arrow in (
        (Boolean, pa.bool_()),
        (BigInteger, pa.int64()),
        (Integer, pa.int32()),
        (Float, pa.float64()),
    ):
        if isinstance(column.type, kind):
            return arrow
    return pa.string()
