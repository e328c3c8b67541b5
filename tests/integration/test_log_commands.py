"""``blemish log`` on a real log."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from blemish.cli import program
from blemish.monitoring import prediction_search
from blemish.monitoring.database import open_database
from blemish.monitoring.prediction_log import LogEntry, PredictionLog


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A log with a prediction of now and one of two hundred days ago."""
    url = f"sqlite:///{tmp_path / 'predictions.db'}"
    monkeypatch.setenv("BLEMISH_LOG_URL", url)
    monkeypatch.setenv("BLEMISH_LOG_IMAGES", str(tmp_path / "pictures"))
    now = datetime.now(UTC)
    engine = open_database(url)
    PredictionLog(engine).write(
        [
            LogEntry(time=now, request_id="new", status=200),
            LogEntry(time=now - timedelta(days=200), request_id="old", status=200),
        ]
    )
    engine.dispose()
    return url


def test_prune_deletes_what_is_older_than_the_params_keep(log: str) -> None:
    """The prediction of two hundred days ago goes, the new one stays, and the command counts."""
    done = CliRunner().invoke(program, ["log", "prune", "--json"], catch_exceptions=False)
    assert json.loads(done.output) == {"predictions": 1, "images": 0, "image_bytes": 0}
    engine = open_database(log)
    assert [one.entry.request_id for one in prediction_search.search(engine, 9)] == ["new"]
    engine.dispose()


def test_export_writes_parquet(log: str, tmp_path: Path) -> None:
    """Every prediction of the range is in the file, and the command says how many."""
    target = tmp_path / "out.parquet"
    arguments = ["log", "export", str(target), "--since", "2000-01-01"]
    done = CliRunner().invoke(program, arguments, catch_exceptions=False)
    assert "Wrote 2 predictions" in done.output
    assert pq.read_table(target)["request_id"].to_pylist() == ["old", "new"]
