"""What happens to a prediction beside its answer: statistics, the challenger, the log.

One thread of low priority measures and compares, from a short queue. Under load it leaves
statistics and challenger out rather than keep a request waiting; the prediction itself is always
logged. Nor are more than some five images a second measured: drift is no clearer for more, and of
the log's work on an image measuring is by far the most. An image that needs no second look wakes no
thread: its entry goes straight to the log.
"""

import contextlib
import dataclasses
import os
import queue
import random
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import structlog

from blemish.arrays import Plane
from blemish.errors import BlemishError
from blemish.image_statistics import image_statistics
from blemish.inference import Segmentation
from blemish.monitoring.log_writer import LogWriter
from blemish.monitoring.prediction_log import LogEntry
from blemish.server.loaded_model import LoadedModel, load_model
from blemish.server.loaded_models import LoadedModels
from blemish.server.server_metrics import ServerMetrics

_CAPACITY = 32
_PIXELS = 20_000_000
"""Most pixels of all images that wait here; each keeps six bytes a pixel with map and mask."""
_NICE = 10  # the challenger and the statistics yield to requests
_RELOAD_S = 5.0
_MEASURED_PER_S = 5.0
_SAVED_S = 2.0  # of a pause, whose share may be caught up at once

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class AnsweredImage:
    """An image that was answered."""

    plane: Plane
    segmentation: Segmentation
    version: int


@dataclass(frozen=True)
class _SecondLook:
    """What is still to be done with an answered image."""

    entry: LogEntry
    seen: AnsweredImage
    measured: bool
    shadowed: bool


class Recorder:
    """Completes entries and hands them to the log, off the path of the requests.

    Args:
        writer: Takes the completed entries into the log.
        models: What is served, and where the challenger comes from.
        metrics: Count what the challenger sees.
        shadow: Alias or version of the challenger; None is none.
        share: Share of the images that the challenger sees, in ``[0, 1]``.
        is_idle: Says whether no request waits; the challenger runs only then.
    """

    def __init__(
        self,
        writer: LogWriter,
        models: LoadedModels,
        metrics: ServerMetrics,
        *,
        shadow: str | None,
        share: float,
        is_idle: Callable[[], bool],
    ) -> None:
        self.writer = writer
        self._models = models
        self._metrics = metrics
        self._shadow = shadow
        self._share = share
        self._is_idle = is_idle
        self.failures = 0
        """Entries that were logged without what this thread adds."""
        self._challenger: LoadedModel | None = None
        self._looked = float("-inf")
        self._lock = threading.Lock()
        self._pixels = 0
        self._queue: queue.Queue[_SecondLook | None] = queue.Queue(_CAPACITY + 1)
        self._next_measured = 0.0
        self._chance = random.Random()  # noqa: S311 - picks a sample, keeps no secret
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def submit(self, entry: LogEntry, seen: AnsweredImage | None) -> None:
        """Hand over a prediction; returns at once."""
        if seen is None or not self._look_again(entry, seen):
            self.writer.submit(entry)

    def close(self) -> None:
        """Complete what waits, and close the log."""
        with contextlib.suppress(queue.Full):  # there is one place beyond the capacity
            self._queue.put_nowait(None)
        self._thread.join(2.0)
        self.writer.close()

    def _look_again(self, entry: LogEntry, seen: AnsweredImage) -> bool:
        """Put an image into the queue; False if nothing is to be done with it, or no room left."""
        shadowed = self._shadow is not None and self._chance.random() < self._share
        with self._lock:
            if self._queue.qsize() >= _CAPACITY or self._pixels + seen.plane.size > _PIXELS:
                return False
            measured = self._is_measured()
            if not (measured or shadowed):
                return False
            self._pixels += seen.plane.size
            self._queue.put_nowait(_SecondLook(entry, seen, measured, shadowed))
            return True

    def _is_measured(self) -> bool:
        """Say whether the next image is measured: all are, up to so many a second."""
        now = time.monotonic()
        if now < self._next_measured:
            return False
        self._next_measured = max(self._next_measured, now - _SAVED_S) + 1 / _MEASURED_PER_S
        return True

    def _run(self) -> None:
        if hasattr(os, "setpriority"):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        while (second := self._queue.get()) is not None:
            entry = second.entry
            try:
                entry = self._complete(second)
            except Exception:  # noqa: BLE001 - the edge of this thread, which must outlive all
                self.failures += 1
                _log.exception("record_not_completed")
            with self._lock:
                self._pixels -= second.seen.plane.size
            self.writer.submit(entry)

    def _complete(self, second: _SecondLook) -> LogEntry:
        entry, seen = second.entry, second.seen
        if second.measured:
            statistics = asdict(image_statistics(seen.plane))
            statistics["probability_mass"] = float(seen.segmentation.probability.mean())
            entry = dataclasses.replace(entry, statistics=statistics)
        if not second.shadowed:
            return entry
        if not self._is_idle():
            self._metrics.shadowed.labels("left out").inc()
            return entry
        return self._compare(entry, seen)

    def _compare(self, entry: LogEntry, seen: AnsweredImage) -> LogEntry:
        """Have the challenger judge the same image."""
        challenger = self._find_challenger()
        if challenger is None or challenger.version.version == seen.version:
            return entry
        segmentation = challenger.segmenter.predict(seen.plane)
        differing = float(np.mean(segmentation.mask != seen.segmentation.mask))
        self._metrics.shadowed.labels("seen").inc()
        self._metrics.disagreement.observe(differing)
        return dataclasses.replace(
            entry,
            shadow_version=challenger.version.version,
            shadow_disagreement=differing,
        )

    def _find_challenger(self) -> LoadedModel | None:
        """Return the version that the shadow reference names, loaded anew when it moved."""
        version = self._models.state.snapshot.find(self._shadow or "")
        if version is None:
            return None
        held = self._challenger
        if held is not None and held.version.version == version.version:
            return held
        if time.monotonic() - self._looked < _RELOAD_S:
            return None
        self._looked = time.monotonic()
        try:
            self._challenger = load_model(self._models.registry, version, threads=1)
        except (BlemishError, OSError) as error:
            _log.warning("challenger_refused", version=version.version, reason=str(error))
            return None
        return self._challenger
