"""Counts by minute and by hour, kept beside the predictions so that no page scans them all."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from blemish.monitoring import schema
from blemish.prediction import PHASES

MINUTE, HOUR = 60, 3_600
SPANS = (MINUTE, HOUR)
"""Lengths in seconds of the intervals that are counted."""

_BINS_PER_DOUBLING = 8  # a bin is 9 % wide, so a quantile read from bins is within 4.5 %
_LAST_BIN = 200  # 2^(200/8) ms is nine hours

Row = Mapping[str, Any]
Key = tuple[Any, ...]


def latency_bin(milliseconds: float) -> int:
    """Return the bin of a latency: bins grow by the eighth root of 2, bin 0 ends at 1/16 ms."""
    if not milliseconds > 1 / 16:
        return 0
    return min(_LAST_BIN, math.ceil(_BINS_PER_DOUBLING * (math.log2(milliseconds) + 4)))


def bin_center(number: int) -> float:
    """Return the latency in milliseconds that stands for a bin, its geometric middle."""
    return float(2.0 ** ((number - 0.5) / _BINS_PER_DOUBLING - 4))


def add(connection: Connection, rows: Sequence[Row]) -> None:
    """Add a batch of rows of ``predictions`` to the counts, within the caller's transaction."""
    traffic: dict[Key, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    latency: dict[Key, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    failures: dict[Key, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for row in rows:
        sums = _sums(row)
        for span in SPANS:
            start = row["time_ms"] - row["time_ms"] % (span * 1_000)
            for name, value in sums.items():
                traffic[span, start, row["version"] or 0][name] += value
            if row["error"]:
                failures[span, start, row["error"]]["requests"] += 1
            elif row["total_ms"] is not None:
                latency[span, start, latency_bin(row["total_ms"])]["requests"] += 1
    _upsert(connection, schema.traffic, traffic)
    _upsert(connection, schema.latency, latency)
    _upsert(connection, schema.failures, failures)


def _sums(row: Row) -> dict[str, float]:
    """Return what one prediction adds to the columns of ``traffic``."""
    answered = not row["error"]
    shadowed = row["shadow_disagreement"] is not None
    return {
        "requests": 1,
        "answered": int(answered),
        "defective": int(bool(row["defective"])),
        "area": row["defect_area_fraction"] or 0.0,
        "shadowed": int(shadowed),
        "disagreement": row["shadow_disagreement"] or 0.0,
    } | {f"{phase}_ms": (row[f"{phase}_ms"] or 0.0) * answered for phase in PHASES}


def _upsert(connection: Connection, table: Table, sums: Mapping[Key, Mapping[str, float]]) -> None:
    """Add sums to the rows with these keys, or create them; in one order, against deadlocks."""
    if not sums:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    keys = list(table.primary_key.columns.keys())
    added = [name for name in table.columns.keys() if name not in keys]  # noqa: SIM118 - not a dict
    statement = dialect.insert(table)
    statement = statement.on_conflict_do_update(
        index_elements=keys,
        set_={name: table.c[name] + statement.excluded[name] for name in added},
    )
    rows = [dict(zip(keys, key, strict=True)) | dict(sums[key]) for key in sorted(sums)]
    connection.execute(statement, rows)
