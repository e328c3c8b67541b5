"""Shards on processes of this machine, one thread each.

A worker that dies is replaced and its shard is done again; a shard on which three workers died ends
the job, since it would end any other worker too.
"""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from blemish.errors import ScoringError
from blemish.processes import die_with_parent
from blemish.progress import TellDone
from blemish.scoring.shard_scorer import Assignment, ShardDone, ShardScorer, ShardTask

_DEATHS = 3
_QUEUED = 2  # shards that a worker holds: it need not wait for the next

OnDone = Callable[[ShardDone], object]


def usable_cores() -> int:
    """Return how many processors this process may use, by its affinity and its control group."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return cores or 1
    limit = cores or 1 if quota == "max" else max(1, int(quota) // int(period))
    return min(cores or 1, limit)


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    tasks: deque[ShardTask] = field(default_factory=deque)
    """The one at work, then those that wait."""


class LocalEngine:
    """Processes of this machine.

    Args:
        assignment: The job.
        workers: How many.
        on_done: Told of each shard that is done.
        on_images: Told now and then how many more images are through.
    """

    def __init__(
        self, assignment: Assignment, workers: int, on_done: OnDone, on_images: TellDone
    ) -> None:
        self._assignment, self._count = assignment, workers
        self._on_done, self._on_images = on_done, on_images
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []
        self._waiting: deque[ShardTask] = deque()
        self._deaths: dict[int, int] = {}

    def run(self, tasks: Iterable[ShardTask]) -> None:
        """Do all shards.

        Raises:
            ScoringError: A shard ended three workers.
            Exception: What a worker raised; shards that were done stay done.
        """
        self._waiting.extend(tasks)
        try:
            for _ in range(min(self._count, len(self._waiting))):
                self._start()
            while any(worker.tasks for worker in self._workers):
                ready = wait([worker.connection for worker in self._workers])
                for worker in [w for w in self._workers if w.connection in ready]:
                    self._listen(worker)
        finally:
            for worker in self._workers:
                worker.process.kill()
                worker.process.join()

    def _start(self) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_work, args=(theirs, self._assignment), name="blemish-score", daemon=True
        )
        process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        self._feed(worker)

    def _feed(self, worker: _Worker) -> None:
        while self._waiting and len(worker.tasks) < _QUEUED:
            # The last shards are shared out: nobody holds two while another has none.
            if worker.tasks and len(self._waiting) < self._count:
                break
            task = self._waiting.popleft()
            worker.tasks.append(task)
            try:
                worker.connection.send(task)
            except OSError:
                break  # it died; its end of the pipe says so to _listen

    def _listen(self, worker: _Worker) -> None:
        try:
            message = worker.connection.recv()
        except (EOFError, OSError):
            self._replace(worker)
            return
        if isinstance(message, ShardDone):
            worker.tasks.popleft()
            self._on_done(message)
            self._feed(worker)
        elif isinstance(message, BaseException):
            raise message
        else:
            self._on_images(message)

    def _replace(self, worker: _Worker) -> None:
        """Give the shards of a dead worker back, and start another one."""
        worker.process.join()
        self._workers.remove(worker)
        if not worker.tasks:
            return
        shard = worker.tasks[0].shard
        self._deaths[shard] = self._deaths.get(shard, 0) + 1
        if self._deaths[shard] == _DEATHS:
            raise ScoringError(
                f"{_DEATHS} processes ended on shard {shard} (exit status "
                f"{worker.process.exitcode}; -9 is out of memory or a kill). What was done stays "
                "done: run the same command again, with fewer processes: BLEMISH_WORKERS=1"
            )
        self._waiting.extendleft(reversed(worker.tasks))
        self._start()


def _work(connection: Connection, assignment: Assignment) -> None:
    """Score what comes over the connection, until it closes."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    try:
        scorer = ShardScorer(assignment)
        while True:
            connection.send(scorer.score(connection.recv(), connection.send))
    except EOFError:
        return
    except Exception as error:  # noqa: BLE001 - raised again in the parent
        connection.send(error)
