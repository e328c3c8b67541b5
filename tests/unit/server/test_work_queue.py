"""The queue of requests: who may start, and when work is ended."""

import asyncio
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from blemish.errors import InferenceInterruptedError
from blemish.interruption import Interruption
from blemish.problem_kinds import ProblemKind
from blemish.server.problems import ProblemError
from blemish.server.work_queue import WorkQueue

LARGE = 50_000_000


async def ask(queue: WorkQueue, work: Callable[[Interruption], Any], pixels: int = 100) -> Any:
    return await queue.run(
        work, arrived=time.monotonic(), gone=asyncio.Event().wait, measure=lambda: pixels
    )


def test_a_small_image_is_not_stuck_behind_large_ones() -> None:
    """Large ones that end only when the small ones are done hold all workers; these finish."""
    queue = WorkQueue(parallel=2, queue=20, deadline_s=20.0)
    small_done = threading.Event()

    async def scenario() -> tuple[list[bool], list[str]]:
        large = [
            asyncio.create_task(ask(queue, lambda _: small_done.wait(15), LARGE)) for _ in range(6)
        ]
        await asyncio.sleep(0.1)
        small = [await ask(queue, lambda _: "done") for _ in range(5)]
        small_done.set()
        return await asyncio.gather(*large), small

    large, small = asyncio.run(scenario())
    queue.close()
    assert (large, small) == ([True] * 6, ["done"] * 5)


def test_large_images_are_not_starved_by_small_ones() -> None:
    """A large image starts although small ones keep coming."""
    queue = WorkQueue(parallel=1, queue=50, deadline_s=20.0)
    order: list[str] = []

    async def scenario() -> None:
        first = asyncio.create_task(ask(queue, lambda _: time.sleep(0.2)))
        await asyncio.sleep(0.05)
        large = asyncio.create_task(ask(queue, lambda _: order.append("large"), 5_000_000))
        for _ in range(300):
            if "large" in order:
                break
            small = [asyncio.create_task(ask(queue, lambda _: time.sleep(0.02))) for _ in range(3)]
            await asyncio.gather(*small)
        await asyncio.gather(first, large)

    asyncio.run(asyncio.wait_for(scenario(), 20))
    queue.close()
    assert order == ["large"]


def test_an_answer_is_let_go_when_it_was_given() -> None:
    """A thread that waits for work holds neither the last image nor its answer."""
    queue = WorkQueue(parallel=1, queue=5, deadline_s=20.0)

    async def scenario() -> weakref.ref[np.ndarray]:
        return weakref.ref(await ask(queue, lambda _: np.zeros(1)))

    answer = asyncio.run(scenario())
    end = time.monotonic() + 5.0
    while answer() is not None and time.monotonic() < end:
        time.sleep(0.01)
    was_let_go = answer() is None
    queue.close()
    assert was_let_go


def test_a_deadline_holds_inside_a_request() -> None:
    """Work that outlasts its deadline is a 504 in time, is told to end, and frees its worker."""
    queue = WorkQueue(parallel=1, queue=5, deadline_s=0.3)
    ended = threading.Event()

    def endless(interruption: Interruption) -> None:
        try:
            while True:
                interruption.check()
                time.sleep(0.01)
        except InferenceInterruptedError:
            ended.set()
            raise

    async def scenario() -> str:
        begin = time.monotonic()
        with pytest.raises(ProblemError) as caught:
            await ask(queue, endless)
        assert time.monotonic() - begin < 2.0
        assert caught.value.kind is ProblemKind.DEADLINE
        assert await asyncio.to_thread(ended.wait, 5.0)
        return str(await ask(queue, lambda _: "next"))

    assert asyncio.run(scenario()) == "next"
    queue.close()
    assert queue.held == 0


def test_a_run_of_a_graph_that_takes_too_long_is_ended() -> None:
    """The watch stops a run that is older than its share of the deadline, as an overrun."""
    queue = WorkQueue(parallel=1, queue=5, deadline_s=0.4)
    seen: list[Interruption] = []

    def slow(interruption: Interruption) -> None:
        seen.append(interruption)
        with interruption.running():
            while not interruption.stopped:
                time.sleep(0.01)

    async def scenario() -> None:
        task = asyncio.create_task(ask(queue, slow))
        while not task.done():
            queue.end_overruns()
            await asyncio.sleep(0.02)
        assert task.exception() is None or isinstance(task.exception(), ProblemError)

    asyncio.run(scenario())
    queue.close()
    assert seen[0].overrun
