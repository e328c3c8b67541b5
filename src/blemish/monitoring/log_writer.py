"""The thread between a server that must not wait and a database that may be slow or gone."""

import dataclasses
import queue
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import InterfaceError, OperationalError

from blemish.errors import ServiceError
from blemish.monitoring.database import file_identity, open_database
from blemish.monitoring.image_store import ImageStore
from blemish.monitoring.prediction_log import LogEntry, PredictionLog, ServedEntry

_BATCH = 512
_GATHER_S = 0.5  # how long an entry may wait for others: a batch costs as much as ten entries
_RETRY_S = 1.0  # pause after a failure, so that a dead database costs no processor time
_HOUSEKEEPING_S = 15.0

_DATABASE_FAULTS = (OperationalError, InterfaceError, ServiceError, OSError)
"""What is no fault of an entry: writing its batch again one by one would fail alike."""

Housekeeping = Callable[[Engine], None]

_log = structlog.get_logger(__name__)


@dataclasses.dataclass(frozen=True)
class WriterFault:
    """What the thread of the log fails at.

    Attributes:
        step: What it was doing.
        reason: In a sentence.
        since: When it last failed, UTC.
    """

    step: str
    reason: str
    since: datetime


class LogWriter:
    """Takes entries without ever waiting, and writes them in batches from its own thread.

    An entry that finds the queue full, or whose batch the database refuses, is lost and counted;
    the count goes into the database when it takes entries again. The database is opened in the
    thread, so that a server starts without it.

    Args:
        url: Database URL, see :func:`blemish.monitoring.database.open_database`.
        images: Folder for the images; None keeps none.
        capacity: Entries that may wait.
        image_bytes: Bytes of images that may wait; beyond, entries go without theirs.
        image_megabytes: What all kept images may take, in 10^6 bytes; None sets no bound.
        housekeeping: Called every 15 s from the thread with the database: alarms, retention.
    """

    def __init__(
        self,
        url: str,
        *,
        images: Path | None = None,
        capacity: int = 4_096,
        image_bytes: int = 64 << 20,
        image_megabytes: float | None = None,
        housekeeping: Housekeeping | None = None,
    ) -> None:
        self._url = url
        self._images = ImageStore(images, megabytes=image_megabytes) if images else None
        self._queue: queue.Queue[LogEntry | ServedEntry] = queue.Queue(capacity)
        self._image_room = image_bytes
        self._housekeeping = housekeeping
        self._next_housekeeping = time.monotonic() + _HOUSEKEEPING_S
        self._counts = threading.Lock()
        self._closing = threading.Event()
        self._log: PredictionLog | None = None
        self._untold = 0
        self.lost = 0
        """Entries answered but not logged since the start."""
        self.written = 0
        """Entries logged since the start."""
        self.faults = 0
        """Times that the thread failed at something since the start, and went on."""
        self.fault: WriterFault | None = None
        """What it fails at now; None while all is well."""
        self._file: tuple[int, int] | None = None
        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Entries in the queue."""
        return self._queue.qsize()

    def submit(self, entry: LogEntry) -> None:
        """Hand over an entry; returns at once, whatever the database does."""
        size = len(entry.image or b"")
        with self._counts:
            fits = size <= self._image_room
            self._image_room -= size if fits else 0
        if not fits:
            entry = dataclasses.replace(entry, image=None)
        try:
            self._queue.put_nowait(entry)
        except queue.Full:
            self._give_back(entry)
            self._lose(1)

    def model_served(self, entry: ServedEntry) -> None:
        """Hand over that a version was taken into use; returns at once."""
        try:
            self._queue.put_nowait(entry)
        except queue.Full:
            _log.warning("served_version_not_logged", version=entry.version)

    def close(self, timeout: float = 5.0) -> None:
        """Write what waits, for at most ``timeout`` seconds; the rest is lost and counted."""
        self._closing.set()
        self._thread.join(timeout)
        while True:
            try:
                entry = self._queue.get_nowait()
            except queue.Empty:
                return
            self._lose(isinstance(entry, LogEntry))

    def _run(self) -> None:
        while not (self._closing.is_set() and self._queue.empty()):
            batch = self._gather()
            stored = self._survives("writing predictions", partial(self._store, batch))
            for entry in batch:
                if isinstance(entry, LogEntry):
                    self._give_back(entry)
            if not stored and self._closing.wait(_RETRY_S):
                break
            if time.monotonic() >= self._next_housekeeping:
                self._next_housekeeping = time.monotonic() + _HOUSEKEEPING_S
                self._survives("housekeeping", self._keep_house)
        if self._log is not None:
            self._log.engine.dispose()

    def _survives(self, step: str, act: Callable[[], None]) -> bool:
        """The edge of this thread: whatever goes wrong is counted, told and tried again."""
        try:
            act()
        except Exception as error:  # noqa: BLE001 - the thread must outlive every fault
            with self._counts:
                self.faults += 1
                self.fault = WriterFault(step, _sentence(error), datetime.now(UTC))
            _log.warning("prediction_log_failed", step=step, error=_sentence(error))
            self._forget_database()
            return False
        if self.fault is not None and self.fault.step == step:
            self.fault = None
        return True

    def _gather(self) -> list[LogEntry | ServedEntry]:
        """Wait a moment for a first entry, then for others; empty when none came."""
        try:
            batch = [self._queue.get(timeout=_GATHER_S)]
        except queue.Empty:
            return []
        if not self._closing.is_set():
            self._closing.wait(_GATHER_S)
        while len(batch) < _BATCH:
            try:
                batch.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return batch

    def _store(self, batch: list[LogEntry | ServedEntry]) -> None:
        """Write a batch; an entry that cannot be written is lost by itself, and counted."""
        predictions = [entry for entry in batch if isinstance(entry, LogEntry)]
        try:
            log = self._open()
        except Exception:
            self._lose(len(predictions))
            raise
        self._write(log, predictions)
        for entry in batch:
            if isinstance(entry, ServedEntry):
                log.write_served(entry)
        if self._untold:
            log.write_loss(self._untold, datetime.now(UTC))
            self._untold = 0
        self._keep_images(predictions)

    def _write(self, log: PredictionLog, entries: list[LogEntry]) -> None:
        """Write entries together, or, where one of them is at fault, one by one."""
        try:
            log.write(entries)
        except _DATABASE_FAULTS:
            self._lose(len(entries))
            raise
        except Exception:
            if len(entries) <= 1:
                self._lose(len(entries))
                raise
            self._write_each(log, entries)
        else:
            self.written += len(entries)

    def _write_each(self, log: PredictionLog, entries: list[LogEntry]) -> None:
        """Write entries one by one; raise the last error once all were tried."""
        failed: Exception | None = None
        for entry in entries:
            try:
                self._write(log, [entry])
            except Exception as error:  # noqa: BLE001 - the others are still to be written
                failed = error
        if failed is not None:
            raise failed

    def _open(self) -> PredictionLog:
        if self._log is not None and self._file != file_identity(self._log.engine):
            _log.warning("prediction_log_replaced", url=str(self._log.engine.url))
            self._forget_database()
        if self._log is None:
            self._log = PredictionLog(open_database(self._url))
            self._file = file_identity(self._log.engine)
        return self._log

    def _forget_database(self) -> None:
        """Open the database anew next time: its connections may be what went wrong."""
        if self._log is not None:
            self._log.engine.dispose()
            self._log = None

    def _keep_images(self, entries: list[LogEntry]) -> None:
        if self._images is None:
            return
        for entry in entries:
            if entry.image is None or entry.prediction is None:
                continue
            try:
                self._images.put(entry.prediction.image.sha256, entry.image)
            except OSError as error:
                _log.warning("image_not_kept", error=str(error))
                return

    def _keep_house(self) -> None:
        if self._housekeeping is not None:
            self._housekeeping(self._open().engine)

    def _lose(self, entries: int) -> None:
        with self._counts:
            self.lost += entries
            self._untold += entries

    def _give_back(self, entry: LogEntry) -> None:
        with self._counts:
            self._image_room += len(entry.image or b"")


def _sentence(error: Exception) -> str:
    """Return what went wrong on one line: without SQL, and never empty."""
    text = str(getattr(error, "orig", None) or error).strip()
    return text.splitlines()[0] if text else type(error).__name__
