"""The Monitor page's queries over a million logged predictions."""

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Engine, text

from blemish.config.monitor import Monitor
from blemish.monitoring import (
    alarms,
    drift,
    logged_predictions,
    queries,
    rollups,
    schema,
)
from blemish.monitoring.database import open_database
from blemish.monitoring.prediction_search import PredictionFilter, key_names, search
from blemish.prediction import PHASES

ROWS = 1_000_000
DAYS = 30
ROUNDS = 12
_RANGES = (timedelta(minutes=15), timedelta(hours=24), timedelta(days=7), timedelta(days=DAYS))


def measure() -> list[dict[str, Any]]:
    """Fill a log and ask what the page asks."""
    taken = page_times(ROWS)
    return [
        {
            "name": "monitor_query_p95_ms",
            "value": round(float(np.quantile([took for took, _ in taken], 0.95)), 2),
            "unit": "ms",
            "note": f"{ROWS:,} predictions on SQLite, each query of each range {ROUNDS} times; "
            f"bound 300; slowest {max(taken)[1]}, {max(taken)[0]:.1f} ms",
        },
    ]


def query_p95(rows: int) -> float:
    """Return the 95th percentile of the page's queries over so many predictions, in ms."""
    return float(np.quantile([took for took, _ in page_times(rows)], 0.95))


def page_times(rows: int) -> list[tuple[float, str]]:
    """Return milliseconds and name of every query of the page over so many predictions."""
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(f"sqlite:///{folder}/predictions.db")
        now = datetime.now(UTC)
        _fill(engine, now, rows)
        taken = _page_times(engine, now)
        engine.dispose()
    return taken


def _page_times(engine: Engine, now: datetime) -> list[tuple[float, str]]:
    """Return milliseconds and name of every query of the page, at every range."""
    taken = []
    for _ in range(ROUNDS):
        for length in (
            timedelta(minutes=15),
            timedelta(hours=24),
            timedelta(days=7),
            timedelta(DAYS),
        ):
            span = queries.span_until(now, length)
            for name, ask in _asked(engine, span, now).items():
                began = time.perf_counter()
                ask()
                taken.append((1e3 * (time.perf_counter() - began), name))
    return taken


def _asked(engine: Engine, span: queries.Span, now: datetime) -> dict[str, Callable[[], Any]]:
    monitor = Monitor()
    return {
        "traffic": lambda: queries.traffic(engine, span),
        "traffic_over_time": lambda: queries.traffic_over_time(engine, span),
        "traffic_by_version": lambda: queries.traffic_by_version(engine, span),
        "latency_quantiles": lambda: queries.latency_quantiles(engine, span),
        "latency_over_time": lambda: queries.latency_over_time(engine, span),
        "failures_by_type": lambda: queries.failures_by_type(engine, span),
        "lost": lambda: queries.lost(engine, span),
        "latest": lambda: search(engine, 12),
        "latest_defective": lambda: search(engine, 12, PredictionFilter("defective")),
        "latest_errors": lambda: search(engine, 12, PredictionFilter("errors")),
        "latest_of_a_key": lambda: search(engine, 12, PredictionFilter(key="press 1")),
        "key_names": lambda: key_names(engine),
        "window": lambda: drift.read_references({}) or logged_predictions.window(engine, 1, 200),
        "alarms": lambda: alarms.judge(engine, monitor, now),
        "history": lambda: alarms.history(engine),
    }


def _fill(engine: Engine, now: datetime, rows: int) -> None:
    """Write the rows inside the database, and the counts as the log would have kept them."""
    names = [f"{phase}_ms" for phase in PHASES] + list(schema.STATISTICS)
    values = {
        "end": round(now.timestamp() * 1_000),
        "step": DAYS * 86_400_000 / rows,
        "last": rows - 1,
        "columns": ", ".join(names),
        "metrics": ", ".join("1.0 + abs(random() % 1000) / 50.0" for _ in names),
    }
    with engine.begin() as connection:
        connection.execute(text(_PREDICTIONS.format(**values)))
        for span in rollups.SPANS:
            width = {"span": span, "width": span * 1_000}
            for statement in (_TRAFFIC, _LATENCY, _FAILURES):
                connection.execute(text(statement.format(**width)))


_PREDICTIONS = """
WITH RECURSIVE n(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM n WHERE k < {last})
INSERT INTO predictions (time_ms, request_id, status, error, version, image_sha256, precision,
    fingerprint, width, height, threshold, defective, defect_area_fraction, defect_count, defects,
    warnings, {columns})
SELECT CAST({end} - {step} * k AS INTEGER), 'r' || k, 200,
    CASE WHEN abs(random() % 50) = 0 THEN 'image-type' END, 1 + k % 2, printf('%064x', k), 'fp32',
    '', 256, 256, 0.5, k % 5 = 0, 0.01, 1, '[]',
    '[]', {metrics}
FROM n
"""
_TRAFFIC = """
INSERT INTO traffic (span_s, start_ms, version, requests, answered, defective, area, decode_ms,
    infer_ms, post_ms, total_ms, shadowed, disagreement)
SELECT {span}, time_ms / {width} * {width}, version, count(*), sum(error IS NULL), sum(defective),
    sum(defect_area_fraction), sum(decode_ms), sum(infer_ms), sum(post_ms), sum(total_ms), 0, 0.0
FROM predictions GROUP BY 2, 3
"""
_LATENCY = """
INSERT INTO latency (span_s, start_ms, bin, requests)
SELECT {span}, time_ms / {width} * {width}, CAST(total_ms * 4 AS INTEGER), count(*)
FROM predictions GROUP BY 2, 3
"""
_FAILURES = """
INSERT INTO failures (span_s, start_ms, error, requests)
SELECT {span}, time_ms / {width} * {width}, error, count(*)
FROM predictions WHERE error IS NOT NULL GROUP BY 2, 3
"""


if __name__ == "__main__":
    for row in measure():
        print(f"{row['name']}: {row['value']} {row['unit']} ({row['note']})")
    sys.exit(0)
