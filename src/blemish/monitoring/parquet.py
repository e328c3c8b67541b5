"""The log as a Parquet file, for whoever wants to look with tools of their own."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import BigInteger, Boolean, Column, Engine, Float, Integer, select

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
    if since is not None:
        statement = statement.where(table.c.time_ms >= milliseconds(since))
    if until is not None:
        statement = statement.where(table.c.time_ms < milliseconds(until))
    written = 0
    with (
        atomic_path(target) as temporary,
        pq.ParquetWriter(temporary, layout, compression="zstd") as writer,
        engine.connect().execution_options(yield_per=_ROWS) as connection,
    ):
        for rows in _groups(connection.execute(statement)):
            arrays = [
                pa.array(values, type=field.type)
                for values, field in zip(zip(*rows, strict=True), layout, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=layout))
            written += len(rows)
    return written


def _groups(result: Any) -> Iterator[list[Any]]:
    yield from result.partitions(_ROWS)


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
