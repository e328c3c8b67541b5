"""The bounded queue and the threads that work it off.

A request is admitted or told 503 at once; it waits at most until its deadline; one whose client
has gone, or whose deadline has passed, is never worked on.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from blemish.server.problems import ProblemError

_T = TypeVar("_T")
_FIRST_GUESS_S = 0.05
_MEMORY = 0.9  # of the running mean of work times


class ClientGoneError(Exception):
    """The client closed its connection while its request waited."""


class Engine:
    """Works on so many requests at once, and lets so many wait.

    Args:
        parallel: Threads.
        queue: Requests that may wait beyond those.
        deadline_s: Age at which a request is given up, seconds.
    """

    def __init__(self, parallel: int, queue: int, deadline_s: float) -> None:
        self.parallel = parallel
        self.capacity = parallel + queue
        self.deadline_s = deadline_s
        self.held = 0
        """Requests admitted and not finished."""
        self._work_s = _FIRST_GUESS_S
        self._threads = ThreadPoolExecutor(parallel, thread_name_prefix="infer")

    @property
    def waiting(self) -> int:
        """Requests admitted and not yet worked on."""
        return max(0, self.held - self.parallel)

    async def run(
        self, work: Callable[[], _T], *, arrived: float, gone: Callable[[], Awaitable[Any]]
    ) -> _T:
        """Have a thread do some work, and wait for it.

        Args:
            work: What to do.
            arrived: When its request came, by ``time.monotonic``.
            gone: Returns when the client has closed its connection.

        Raises:
            ProblemError: The queue is full, or the deadline has passed.
            ClientGoneError: The client closed its connection first.
        """
        if self.held >= self.capacity:
            raise ProblemError(
                "busy",
                f"{self.parallel} requests are worked on and {self.waiting} wait; come again.",
                {"Retry-After": str(self.retry_after)},
            )
        deadline = arrived + self.deadline_s
        self.held += 1
        job = self._threads.submit(self._timed, work, deadline)
        loop = asyncio.get_running_loop()
        job.add_done_callback(lambda _: loop.call_soon_threadsafe(self._release))
        return await self._await(job, deadline, gone)

    @property
    def retry_after(self) -> int:
        """Whole seconds until the queue has likely been worked off."""
        return max(1, math.ceil(self.held * self._work_s / self.parallel))

    def close(self) -> None:
        """Start no more work; what runs is finished."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def _await(
        self, job: "Future[_T]", deadline: float, gone: Callable[[], Awaitable[Any]]
    ) -> _T:
        answer = asyncio.wrap_future(job)
        watch = asyncio.ensure_future(gone())
        try:
            patience = max(0.0, deadline - time.monotonic())
            await asyncio.wait(
                (answer, watch), timeout=patience, return_when=asyncio.FIRST_COMPLETED
            )
            if answer.done():
                return answer.result()
            if watch.done():
                raise ClientGoneError
            raise self._late()
        finally:
            watch.cancel()
            answer.cancel()  # has no effect on work that has begun

    def _timed(self, work: Callable[[], _T], deadline: float) -> _T:
        begin = time.monotonic()
        if begin >= deadline:
            raise self._late()
        try:
            return work()
        finally:
            spent = time.monotonic() - begin
            self._work_s = _MEMORY * self._work_s + (1.0 - _MEMORY) * spent

    def _late(self) -> ProblemError:
        return ProblemError(
            "deadline",
            f"The request became older than {self.deadline_s:g} s before it was answered.",
            {"Retry-After": str(self.retry_after)},
        )

    def _release(self) -> None:
        self.held -= 1
