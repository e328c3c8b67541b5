"""What the prediction log takes, finds, counts, keeps and deletes."""

import hashlib
import statistics
import threading
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from integration.log_entries import NOW, entry, predicted, refused, took
from sqlalchemy import Engine, func, select

from blemish.config.monitor import Keep
from blemish.defects import Defect
from blemish.monitoring import (
    logged_predictions,
    parquet,
    prediction_search,
    queries,
    retention,
    schema,
)
from blemish.monitoring.database import open_database
from blemish.monitoring.image_store import ImageStore
from blemish.monitoring.log_writer import LogWriter
from blemish.monitoring.prediction_log import PredictionLog, ServedEntry
from blemish.monitoring.prediction_search import PredictionFilter


def last_hour() -> queries.Span:
    return queries.span_until(NOW, timedelta(hours=1))


def test_the_migrations_make_the_tables_that_the_code_uses(engine: Engine) -> None:
    """After all migrations Alembic finds no difference to the tables in the code."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []


def test_many_processes_may_open_a_new_database_at_once(url: str) -> None:
    """Eight threads that open an empty database at once all find it ready."""
    faults: list[Exception] = []

    def work(number: int) -> None:
        try:
            engine = open_database(url)
            PredictionLog(engine).write([entry(number)])
            engine.dispose()
        except Exception as error:  # noqa: BLE001 - collected for the assertion
            faults.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    engine = open_database(url)
    assert queries.traffic(engine, last_hour()).requests == 8
    engine.dispose()


def test_what_is_written_is_read_back(engine: Engine) -> None:
    """An entry with every field comes back as it was, the newest first."""
    defect = Defect((1, 2, 3, 4), 12, (2.5, 4.0), 4.0, 3.0, 90.0, 0.75, 0.875)
    found = {"defective": True, "defect_count": 1, "defects": (defect,), "warnings": ("dark",)}
    log = PredictionLog(engine)
    log.write([entry(1, time=NOW - timedelta(minutes=2))])
    written = entry(2, **found, shadow_version=4, shadow_disagreement=0.25)
    log.write([written])
    newest, older = (one.entry for one in prediction_search.search(engine, 10))
    assert (newest.request_id, older.request_id) == ("request-2", "request-1")
    assert newest == written
    (found,) = prediction_search.search(engine, 10, PredictionFilter("defective"))
    assert prediction_search.find(engine, found.id) == found
    assert found.entry == written


def test_predictions_are_found_by_verdict_key_version_and_time(engine: Engine) -> None:
    """Each filter finds what it names; pages follow each other without a gap or a repetition."""
    log = PredictionLog(engine)
    log.write([entry(n, key="press 2" if n % 2 else "press 1") for n in range(6)])
    other = predicted(6, version=4).model_copy(update={"defective": True, "defect_count": 1})
    log.write([entry(6, prediction=other, time=NOW - timedelta(hours=2))])
    sentence = "The body is a PDF; accepted: PNG, JPEG, BMP, TIFF or WebP."
    log.write([refused(7, key="press 1", detail=sentence, time=NOW + timedelta(seconds=1))])

    def found(wanted: PredictionFilter, before: int | None = None) -> list[str]:
        page = prediction_search.search(engine, 3, wanted, before=before)
        return [one.entry.request_id for one in page]

    assert found(PredictionFilter("errors")) == ["bad-7"]
    (error,) = prediction_search.search(engine, 1)
    assert (error.entry.detail, error.entry.key) == (sentence, "press 1")
    assert found(PredictionFilter("defective")) == ["request-6"]
    assert found(PredictionFilter(version=4)) == ["request-6"]
    assert found(PredictionFilter(until=NOW)) == ["request-6"]
    assert found(PredictionFilter(since=NOW, key="press 2")) == [f"request-{n}" for n in (5, 3, 1)]
    assert prediction_search.key_names(engine) == ("press 1", "press 2")
    quiet = PredictionFilter("defect-free")
    first = prediction_search.search(engine, 3, quiet)
    assert [one.entry.request_id for one in first] == [f"request-{n}" for n in (5, 4, 3)]
    assert found(quiet, before=first[-1].id) == [f"request-{n}" for n in (2, 1, 0)]
    assert prediction_search.newer_neighbour(engine, first[1].id, quiet) == first[0].id
    assert prediction_search.newer_neighbour(engine, first[0].id, quiet) is None
    assert prediction_search.find(engine, 1_000_000) is None


def test_a_change_of_the_served_version_is_told_once(engine: Engine) -> None:
    """Servers that start again tell the version that is in use; only another one is a change."""
    log = PredictionLog(engine)
    for minutes, version in ((50, 1), (40, 1), (30, 2), (29, 2), (10, 1)):
        log.write_served(ServedEntry(time=NOW - timedelta(minutes=minutes), version=version))
    changes = logged_predictions.served_since(engine, NOW - timedelta(minutes=35))
    assert [(one.before, one.after) for one in changes] == [(1, 2), (2, 1)]
    assert changes[0].time == NOW - timedelta(minutes=30)
    assert logged_predictions.served_since(engine, NOW) == []


def test_texts_that_a_database_refuses_are_made_fit(engine: Engine) -> None:
    """NUL, lone surrogates and endless names are stored without an error."""
    name = "a\0b\ud800<script>" + "x" * 500
    PredictionLog(engine).write([entry(request_id=name, prediction=predicted(alias=name))])
    found = prediction_search.search(engine, 1)[0].entry
    assert found.request_id.startswith("ab?<script>xxx")
    assert len(found.request_id) == 128


def test_the_counts_equal_a_scan(engine: Engine) -> None:
    """Sums by minute and hour equal what a scan over all predictions gives, at every range."""
    rng = np.random.default_rng(5)
    entries = [
        refused(n, time=NOW - timedelta(seconds=rng.uniform(0, 3_000)))
        if rng.random() < 0.1
        else entry(
            n,
            time=NOW - timedelta(seconds=rng.uniform(0, 3_000)),
            version=(version := int(rng.choice([3, 4]))),
            model=predicted(version=version).model,
            defective=bool(rng.random() < 0.3),
            timing_ms=took(rng.uniform(2, 90), rng.uniform(1, 80)),
        )
        for n in range(600)
    ]
    log = PredictionLog(engine)
    for first in range(0, len(entries), 37):
        log.write(entries[first : first + 37])
    answered = [one for one in entries if one.prediction is not None]
    said = [one.prediction for one in answered if one.prediction]
    for length in (timedelta(hours=1), timedelta(days=2), timedelta(days=30)):
        span = queries.span_until(NOW, length)
        found = queries.traffic(engine, span)
        assert (found.requests, found.answered) == (600, len(answered))
        assert found.defective == sum(one.defective for one in said)
        mean = statistics.fmean(one.timing_ms.infer for one in said)
        assert found.phases_ms["infer"] == pytest.approx(mean)
        assert sum(part.requests for _, part in queries.traffic_over_time(engine, span)) == 600
        by_version = queries.traffic_by_version(engine, span)
        assert {version: part.requests for version, part in by_version.items()} == {
            0: 600 - len(answered),
            3: sum(one.version == 3 for one in answered),
            4: sum(one.version == 4 for one in answered),
        }
    assert queries.failures_by_type(engine, last_hour()) == {"image-type": 600 - len(answered)}


def test_a_window_passes_over_what_was_not_measured(engine: Engine) -> None:
    """Of a dense stream only a sample is measured; drift looks at the newest of these."""
    log = PredictionLog(engine)
    for number in range(40):
        measured = {"brightness": number / 100} if number % 4 == 0 else {}
        time = NOW - timedelta(seconds=100 - number)
        log.write([entry(number, time=time, statistics=measured)])
    found = logged_predictions.window(engine, 3, 5)
    np.testing.assert_allclose(found.statistics["brightness"], [0.36, 0.32, 0.28, 0.24, 0.2])
    assert len(found) == 5


def test_quantiles_are_within_their_bin(engine: Engine) -> None:
    """Quantiles from bins lie within 4.5 % of those of the values themselves."""
    rng = np.random.default_rng(6)
    values = [float(rng.lognormal(3, 0.7)) for _ in range(2_000)]
    PredictionLog(engine).write([entry(n, timing_ms=took(v)) for n, v in enumerate(values)])
    found = queries.latency_quantiles(engine, last_hour(), (0.5, 0.95))
    assert found is not None
    values.sort()
    assert found[0.5] == pytest.approx(values[999], rel=0.05)
    assert found[0.95] == pytest.approx(values[1_899], rel=0.05)


def test_two_writers_count_every_prediction(url: str) -> None:
    """Two writers on one database at once lose nothing and count everything once."""
    writers = [LogWriter(url) for _ in range(2)]
    for number in range(500):
        for which, writer in enumerate(writers):
            writer.submit(entry(number, request_id=f"{which}-{number}"))
    for writer in writers:
        writer.close(30)
    assert [(writer.written, writer.lost) for writer in writers] == [(500, 0), (500, 0)]
    engine = open_database(url)
    assert queries.traffic(engine, last_hour()).requests == 1_000
    with engine.connect() as connection:
        rows = connection.scalar(select(func.count()).select_from(schema.predictions))
    engine.dispose()
    assert rows == 1_000


def test_images_are_kept_once_by_content(url: str, tmp_path: Path) -> None:
    """The same image twice is one file; what the log names is found by its hash."""
    writer = LogWriter(url, images=tmp_path / "pictures")
    for number in range(3):
        writer.submit(entry(7, request_id=str(number), image=b"the same bytes"))
    writer.close(30)
    store = ImageStore(tmp_path / "pictures")
    engine = open_database(url)
    names = {
        one.entry.prediction.image.sha256
        for one in prediction_search.search(engine, 3)
        if one.entry.prediction
    }
    engine.dispose()
    assert len([path for path in store.folder.rglob("*") if path.is_file()]) == 1
    assert [store.get(name) for name in names] == [b"the same bytes"]


def test_old_predictions_and_images_go(engine: Engine, tmp_path: Path) -> None:
    """Retention deletes by days and images by bytes, and keeps the counts by hour."""
    log = PredictionLog(engine)
    log.write([entry(n, time=NOW - timedelta(days=40)) for n in range(3)])
    log.write([entry(n) for n in range(2)])
    store = ImageStore(tmp_path)
    for number in range(3):
        store.put(hashlib.sha256(str(number).encode()).hexdigest(), b"x" * 400_000)
    gone = retention.prune(engine, store, Keep(days=30, image_days=7, image_megabytes=1), NOW)
    assert (gone.predictions, gone.images, gone.image_bytes) == (3, 1, 400_000)
    assert len(prediction_search.search(engine, 10)) == 2
    assert queries.traffic(engine, queries.span_until(NOW, timedelta(days=60))).requests == 5


def test_the_export_holds_every_row(engine: Engine, tmp_path: Path) -> None:
    """The Parquet file of a range holds its predictions, oldest first, with types that fit."""
    log = PredictionLog(engine)
    log.write([entry(n, time=NOW - timedelta(minutes=n)) for n in range(50)])
    target = tmp_path / "log.parquet"
    rows = parquet.export(engine, target, since=NOW - timedelta(minutes=20, seconds=1))
    table = pq.read_table(target)
    assert (rows, table.num_rows) == (21, 21)
    assert table["time"].to_pylist()[-1] == NOW
    assert table["request_id"].to_pylist()[0] == "request-20"
    assert table["brightness"].to_pylist()[0] == 0.5
    assert str(table.schema.field("defective").type) == "bool"
