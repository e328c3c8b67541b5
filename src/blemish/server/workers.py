"""Several serving processes on one socket: started, restarted when one dies, drained together.

uvicorn's own supervisor (0.54) was tried: its processes outlive a supervisor that is killed, and
since it holds the listener open while they drain, 16 of 16 waiting clients were reset at its end.
"""

import multiprocessing
import signal
import socket
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

import structlog
from prometheus_client.multiprocess import mark_process_dead

from blemish.errors import ServiceError
from blemish.server.listening_socket import refuse_newcomers

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

_LOOK_S = 0.2
YOUNG_S = 5.0
"""A process that ends younger than this would end again."""

_log = structlog.get_logger(__name__)


class Workers:
    """Keeps so many processes alive until told to end.

    Args:
        count: Number of processes.
        serve: What each does with the sockets; must survive pickling.
        sockets: Listening sockets, shared by all processes.
        drain_s: Seconds that each goes on to accept when it is told to end.
    """

    def __init__(
        self,
        count: int,
        serve: Callable[[list[socket.socket]], None],
        sockets: list[socket.socket],
        drain_s: float,
    ) -> None:
        self._drain_s = drain_s
        self._count = count
        self._serve = serve
        self._sockets = sockets
        self._ending = threading.Event()
        self._workers: list[tuple[SpawnProcess, float]] = []

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then let each process finish what it has accepted.

        Raises:
            ServiceError: A process ends as soon as it begins.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        try:
            while not self._ending.is_set():
                self._replace_dead()
                while len(self._workers) < self._count:
                    self._start()
                self._ending.wait(_LOOK_S)
        finally:
            for process, _ in self._workers:
                process.terminate()
            time.sleep(self._drain_s)
            for listener in self._sockets:
                refuse_newcomers(listener)
                listener.close()  # the workers have it too; held here it would take connections
            for process, _ in self._workers:
                process.join()

    def _start(self) -> None:
        # The resource tracker of multiprocessing needs no signal of ours.
        process = multiprocessing.get_context("spawn").Process(
            target=self._serve, args=(self._sockets,)
        )
        process.start()
        self._workers.append((process, time.monotonic()))

    def _replace_dead(self) -> None:
        for process, since in list(self._workers):
            if process.is_alive():
                continue
            self._workers.remove((process, since))
            mark_process_dead(process.pid)  # type: ignore[no-untyped-call]
            _log.error("worker_died", pid=process.pid, exit_code=process.exitcode)
            if process.exitcode and time.monotonic() - since < YOUNG_S:
                raise ServiceError(
                    f"A worker ended with {process.exitcode} as soon as it began; the log says why."
                )

    def _end(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._ending.set()
