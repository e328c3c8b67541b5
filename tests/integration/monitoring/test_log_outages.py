"""The prediction log when its database is locked, gone, or none."""

import dataclasses
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from integration.log_entries import entry

from blemish.errors import ServiceError
from blemish.monitoring import queries
from blemish.monitoring.database import open_database
from blemish.monitoring.log_writer import LogWriter


def test_a_database_that_does_not_answer_is_named_without_its_password() -> None:
    """A dead PostgreSQL gives one sentence, without the password in the URL."""
    with pytest.raises(ServiceError, match="cannot be used") as caught:
        open_database("postgresql://me:secret@127.0.0.1:1/none")
    assert "secret" not in str(caught.value)


def test_what_is_no_url_is_refused_with_what_is_accepted() -> None:
    """A path instead of a URL is refused, and the error shows a URL."""
    with pytest.raises(ServiceError, match="sqlite:///FILE"):
        open_database("predictions.db")


def test_a_locked_database_costs_counted_records_and_no_time(tmp_path: Path) -> None:
    """While another process locks the file, submitting returns at once and losses are counted."""
    path = tmp_path / "predictions.db"
    open_database(f"sqlite:///{path}").dispose()
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")
    writer = LogWriter(f"sqlite:///{path}", capacity=100)
    began = time.perf_counter()
    for number in range(300):
        writer.submit(entry(number))
    assert time.perf_counter() - began < 0.5
    assert writer.lost >= 100
    time.sleep(3)
    blocker.execute("ROLLBACK")
    blocker.close()
    time.sleep(1.5)
    writer.submit(entry(1_000))
    writer.close(30)
    assert writer.lost + writer.written == 301
    assert writer.written >= 1
    engine = open_database(f"sqlite:///{path}")
    told = queries.lost(engine, queries.span_until(datetime.now(UTC), timedelta(hours=1)))
    engine.dispose()
    assert told == writer.lost


def test_a_database_that_is_gone_is_counted_and_closing_does_not_hang(tmp_path: Path) -> None:
    """With a folder that cannot be made, every entry is lost, counted, and close returns."""
    (tmp_path / "file").write_text("no folder")
    writer = LogWriter(f"sqlite:///{tmp_path / 'file' / 'x.db'}")
    for number in range(20):
        writer.submit(entry(number))
    writer.close(5)
    assert (writer.lost, writer.written) == (20, 0)


def test_a_record_that_cannot_be_written_costs_itself_alone(tmp_path: Path) -> None:
    """A corrupt row is lost and told; the others of its batch are written, and later ones too."""
    writer = LogWriter(f"sqlite:///{tmp_path / 'x.db'}")
    corrupt = dataclasses.replace(entry(7), statistics={"brightness": object()})  # type: ignore[dict-item]  # that is what is wrong with it
    for one in (entry(1), corrupt, entry(2)):
        writer.submit(one)
    _await(lambda: (writer.written, writer.lost) == (2, 1) and writer.fault is not None)
    assert (writer.written, writer.lost) == (2, 1)
    assert writer.fault is not None
    assert writer.fault.step == "writing predictions"
    writer.submit(entry(3))
    _await(lambda: writer.written == 3 and writer.fault is None)
    assert (writer.written, writer.faults, writer.fault) == (3, 1, None)
    writer.close()


def test_housekeeping_that_fails_is_told_and_tried_again(tmp_path: Path) -> None:
    """A params file broken later ends no thread: it is counted, reported, and entries go on."""

    def broken(_: object) -> None:
        raise ZeroDivisionError("params.yaml is broken")

    writer = LogWriter(f"sqlite:///{tmp_path / 'x.db'}", housekeeping=broken)
    writer._next_housekeeping = 0.0
    _await(lambda: writer.fault is not None)
    assert writer.fault is not None
    assert (writer.fault.step, writer.fault.reason) == ("housekeeping", "params.yaml is broken")
    writer.submit(entry(1))
    _await(lambda: writer.written == 1)
    writer.close()


def test_a_log_file_that_was_deleted_is_made_anew(tmp_path: Path) -> None:
    """The thread notices that its file is another one: nothing is written to a deleted file."""
    path = tmp_path / "x.db"
    writer = LogWriter(f"sqlite:///{path}")
    writer.submit(entry(1))
    _await(lambda: writer.written == 1)
    for file in tmp_path.glob("x.db*"):
        file.unlink()
    writer.submit(entry(2))
    _await(lambda: writer.written == 2)
    writer.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM predictions").fetchone() == (1,)


def _await(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert holds()
