"""Threads that no request waits for: a fault is counted, and they go on."""

import importlib
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from blemish.monitoring.prediction_log import LogEntry
from blemish.server.follower import Follower, forget_half_import
from blemish.server.loaded_models import LoadedModels
from blemish.server.recorder import AnsweredImage, Recorder
from blemish.server.server_metrics import ServerMetrics

if TYPE_CHECKING:
    from blemish.inference import Segmentation
    from blemish.monitoring.log_writer import LogWriter
    from blemish.registry import Registry


def wait(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not done():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_follower_outlives_what_it_does_not_expect() -> None:
    """Two faults of a kind that nobody listed are counted and told; then it follows again."""
    faults = [RuntimeError("unexpected"), MemoryError()]

    def aliases() -> dict[str, int]:
        if faults:
            raise faults.pop(0)
        return {}

    registry = cast("Registry", SimpleNamespace(aliases=aliases, versions=lambda: ()))
    models = LoadedModels(registry, others=1, threads=1)
    follower = Follower(models, 0.05, on_swap=lambda _: None, on_refuse=lambda: None)
    errors: set[str | None] = set()
    follower.start()

    def recovered() -> bool:
        errors.add(models.state.store_error)
        return models.state.listed

    wait(recovered)
    assert follower.failures == 2
    assert any("unexpected" in (error or "") for error in errors)
    assert models.state.store_error is None
    assert follower.is_alive()
    follower.stop()
    follower.join(5)
    models.close()


def test_a_package_that_came_in_halfway_is_imported_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import that failed halfway leaves modules that Python never completes."""
    package = tmp_path / "halfway"
    package.mkdir()
    (package / "__init__.py").write_text("from halfway import first, second\n")
    (package / "first.py").write_text("import sys\nsys.modules['halfway'].seen = True\n")
    (package / "second.py").write_text("raise OSError(24, 'Too many open files')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(OSError, match="Too many"):
        importlib.import_module("halfway")
    assert "halfway.first" in sys.modules
    (package / "second.py").write_text("whole = True\n")
    importlib.invalidate_caches()
    forget_half_import("halfway")
    assert importlib.import_module("halfway").second.whole
    forget_half_import("halfway")
    assert not any(name.startswith("halfway") for name in sys.modules)


class _Broken:
    """A segmentation that cannot be looked at."""

    @property
    def probability(self) -> Any:
        raise ZeroDivisionError


def test_the_recorder_outlives_what_it_does_not_expect() -> None:
    """An entry that cannot be completed is logged as it is, and counted; the next is complete."""
    logged: list[LogEntry] = []
    writer = cast("LogWriter", SimpleNamespace(submit=logged.append, close=lambda: None))
    recorder = Recorder(
        writer,
        cast("LoadedModels", None),
        ServerMetrics(),
        shadow=None,
        share=0.0,
        is_idle=lambda: True,
    )
    plane = np.zeros((8, 8), np.uint8)
    sound = SimpleNamespace(probability=np.zeros((8, 8), np.float32))
    for number, segmentation in enumerate((_Broken(), sound)):
        entry = LogEntry(time=datetime.now(UTC), request_id=str(number), status=200)
        recorder.submit(entry, AnsweredImage(plane, cast("Segmentation", segmentation), 1))
        wait(lambda count=number: len(logged) > count)
        time.sleep(0.3)  # so that the next is measured as well
    recorder.close()
    assert [entry.request_id for entry in logged] == ["0", "1"]
    assert recorder.failures == 1
    assert logged[0].statistics == {}
    assert logged[1].statistics != {}
