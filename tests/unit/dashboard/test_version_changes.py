"""Which changes of the version the charts of Monitor mark."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from blemish.dashboard.monitor.version_changes import version_changes
from blemish.monitoring import queries
from blemish.monitoring.database import open_database
from blemish.monitoring.prediction_log import PredictionLog, ServedEntry
from blemish.registry import Move

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


def test_a_server_that_follows_the_champion_makes_no_second_mark(tmp_path: Path) -> None:
    """Moves of the champion are marked; what was served only where it was another version."""
    engine = open_database(f"sqlite:///{tmp_path / 'log.db'}")
    log = PredictionLog(engine)
    for minutes, version in ((300, 1), (29.9, 2), (10, 1)):
        log.write_served(ServedEntry(time=NOW - timedelta(minutes=minutes), version=version))
    moves = [
        Move("champion", None, 1, (NOW - timedelta(hours=9)).isoformat(), "Ada", "first"),
        Move("champion", 1, 2, (NOW - timedelta(minutes=30)).isoformat(), "Ada", "promote"),
    ]
    span = queries.span_until(NOW, timedelta(hours=1))
    found = version_changes(engine, span, moves)
    engine.dispose()
    assert [one.text for one in found] == [
        "champion: version 2 (promote, by Ada)",
        "served: version 1",
    ]
    assert found[1].time == NOW - timedelta(minutes=10)
