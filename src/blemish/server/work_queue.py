"""The bounded queue and the threads that work it off.

A request is admitted or told 503 at once; it waits at most until its deadline; one whose client
has gone, or whose deadline has passed, is never worked on, and what runs for it is ended.

The rule of the queue: images of more than 4 megapixels are large. Of the requests that may start,
the one that came first does, a large one counted as if it had come later by the time that its
pixels will take. Large ones never hold all threads: where they hold as many as may work in
parallel, one thread more takes the small ones.
"""

import asyncio
import contextlib
import math
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, InvalidStateError
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any, TypeVar

from blemish.interruption import Interruption
from blemish.problem_kinds import ProblemKind
from blemish.server.problems import ProblemError

_T = TypeVar("_T")
LARGE_PIXELS = 4_000_000
_FIRST_GUESS_S = 0.05
_MEMORY = 0.9  # of the running mean of work times
_RUN_S = 30.0  # a busy host must not make a sound model look hung
_RUN_SHARE = 0.75


class ClientGoneError(Exception):
    """The client closed its connection while its request waited."""


@dataclass(eq=False)
class _Job:
    """One request in the queue."""

    work: Callable[[Interruption], Any]
    measure: Callable[[], int]
    arrived: float
    deadline: float
    future: "Future[Any]" = field(default_factory=Future)
    interruption: Interruption = field(default_factory=Interruption)
    pixels: int | None = None
    """None until its header was read."""

    @property
    def is_large(self) -> bool:
        return (self.pixels or 0) > LARGE_PIXELS


class WorkQueue:
    """Works on so many requests at once, and lets so many wait.

    Args:
        parallel: Requests worked on at once; small ones may be one more.
        queue: Requests that may wait beyond those.
        deadline_s: Age at which a request is given up, seconds.
    """

    def __init__(self, parallel: int, queue: int, deadline_s: float) -> None:
        self.parallel = parallel
        self.capacity = parallel + queue
        self.deadline_s = deadline_s
        self.run_s = min(_RUN_S, _RUN_SHARE * deadline_s)
        """Longest time that one run of a graph may take, seconds."""
        self.held = 0
        """Requests admitted and not finished."""
        self._work_s = _FIRST_GUESS_S
        self._pixel_s = 2e-7
        self._changed = threading.Condition()
        self._small: deque[_Job] = deque()
        self._large: deque[_Job] = deque()
        self._running: dict[_Job, bool] = {}
        self._closing = False
        self._threads = [
            threading.Thread(target=self._work_until_closed, name=f"infer-{n}", daemon=True)
            for n in range(parallel + 1)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Requests admitted and not yet worked on."""
        return max(0, self.held - self.parallel)

    @property
    def retry_after(self) -> int:
        """Whole seconds until the queue has likely been worked off."""
        return max(1, math.ceil(self.held * self._work_s / self.parallel))

    async def run(
        self,
        work: Callable[[Interruption], _T],
        *,
        arrived: float,
        gone: Callable[[], Awaitable[Any]],
        measure: Callable[[], int] = lambda: 0,
    ) -> _T:
        """Have a thread do some work, and wait for it.

        Args:
            work: What to do; by what it is given, it may be ended.
            arrived: When its request came, by ``time.monotonic``.
            gone: Returns when the client has closed its connection.
            measure: Says of how many pixels the image is, by its header alone.

        Raises:
            ProblemError: The queue is full, or the deadline has passed.
            ClientGoneError: The client closed its connection first.
        """
        if self.held >= self.capacity:
            raise ProblemError(
                ProblemKind.BUSY,
                f"{self.parallel} requests are worked on and {self.waiting} wait; come again.",
                {"Retry-After": str(self.retry_after)},
            )
        # The log lines of a thread name the request that it works on.
        context = copy_context()
        job = _Job(
            lambda interruption: context.run(work, interruption),
            measure,
            arrived,
            arrived + self.deadline_s,
        )
        self.held += 1
        loop = asyncio.get_running_loop()
        job.future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._release))
        with self._changed:
            self._small.append(job)
            self._changed.notify()
        return await self._await(job, gone)  # type: ignore[no-any-return]  # of its own work

    def end_overruns(self) -> None:
        """End the runs of graphs that take too long; called again and again."""
        now = time.monotonic()
        for job in list(self._running):
            since = job.interruption.running_since
            if since is not None and now - since > self.run_s:
                job.interruption.stop(overrun=True)

    def close(self) -> None:
        """Start no more work; what runs is finished."""
        with self._changed:
            self._closing = True
            for job in (*self._small, *self._large):
                job.future.cancel()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    async def _await(self, job: _Job, gone: Callable[[], Awaitable[Any]]) -> Any:
        answer = asyncio.wrap_future(job.future)
        watch = asyncio.ensure_future(gone())
        try:
            patience = max(0.0, job.deadline - time.monotonic())
            await asyncio.wait(
                (answer, watch), timeout=patience, return_when=asyncio.FIRST_COMPLETED
            )
            if answer.done():
                return answer.result()
            job.interruption.stop()
            if watch.done():
                raise ClientGoneError
            raise self._late()
        finally:
            watch.cancel()
            answer.cancel()  # has no effect on work that has begun
            with self._changed:
                self._changed.notify()

    def _work_until_closed(self) -> None:
        """Work, in one thread, until closed."""
        while (job := self._next()) is not None:
            self._work_on(job)
            del job  # a thread that waits must not keep the image and the answer alive

    def _work_on(self, job: _Job) -> None:
        """Do the work of a request, or give it back."""
        try:
            finished = self._do(job)
        except BaseException as error:  # noqa: BLE001 - it is raised where the request waits
            with contextlib.suppress(InvalidStateError):  # nobody waits for it any more
                job.future.set_exception(error)
            finished = True
        with self._changed:
            self._running.pop(job, None)
            if not finished:
                self._large.append(job)
            self._changed.notify()

    def _next(self) -> _Job | None:
        with self._changed:
            while not self._closing:
                job = self._pick()
                if job is not None:
                    self._running[job] = job.is_large
                    return job
                self._changed.wait()
            return None

    def _pick(self) -> _Job | None:
        """Take the next request that may start; the lock is held."""
        for waiting in (self._small, self._large):
            while waiting and waiting[0].future.cancelled():
                waiting.popleft()
        free = len(self._running) < self.parallel
        only_large = all(self._running.values())
        small = self._small[0] if self._small and (free or only_large) else None
        large = self._large[0] if self._large and free else None
        if large and (small is None or self._rank(large) < small.arrived):
            return self._large.popleft()
        return self._small.popleft() if small else None

    def _rank(self, job: _Job) -> float:
        return job.arrived + (job.pixels or 0) * self._pixel_s

    def _do(self, job: _Job) -> bool:
        """Do the work of a request; False if it turned out to be a large one that must wait."""
        begin = time.monotonic()
        if begin >= job.deadline:
            raise self._late()
        if job.pixels is None:
            job.pixels = job.measure()
            if job.is_large and not self._may_go_on(job):
                return False
        if not job.future.set_running_or_notify_cancel():
            return True
        answer = job.work(job.interruption)
        spent = time.monotonic() - begin
        self._work_s = _MEMORY * self._work_s + (1.0 - _MEMORY) * spent
        if job.is_large:
            self._pixel_s = _MEMORY * self._pixel_s + (1.0 - _MEMORY) * spent / job.pixels
        job.future.set_result(answer)
        return True

    def _may_go_on(self, job: _Job) -> bool:
        """Say whether a request that began as a small one may go on as the large one it is."""
        with self._changed:
            if len(self._running) > self.parallel or self._large:
                return False
            self._running[job] = True
            return True

    def _late(self) -> ProblemError:
        return ProblemError(
            ProblemKind.DEADLINE,
            f"The request became older than {self.deadline_s:g} s before it was answered.",
            {"Retry-After": str(self.retry_after)},
        )

    def _release(self) -> None:
        self.held -= 1
