"""What doctor says of the prediction log."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from blemish.doctor.findings import Examined
from blemish.doctor.prediction_log_check import prediction_log
from blemish.monitoring.database import open_database
from blemish.monitoring.prediction_log import PredictionLog

CHECKOUT = Examined(None, None)


def test_a_log_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None and a whole one are well, lost predictions and a corrupt file are named."""
    path = tmp_path / "x.db"
    monkeypatch.setenv("BLEMISH_LOG_URL", f"sqlite:///{path}")
    assert list(prediction_log(CHECKOUT)) == []
    engine = open_database(f"sqlite:///{path}")
    assert list(prediction_log(CHECKOUT)) == []
    PredictionLog(engine).write_loss(7, datetime.now(UTC))
    engine.dispose()
    (lost,) = prediction_log(CHECKOUT)
    assert lost.problem.startswith("7 predictions")
    path.write_bytes(b"this is no database, " * 100)
    (corrupt,) = prediction_log(CHECKOUT)
    assert "corrupt" in corrupt.problem
    assert f"mv {path}" in corrupt.fix
