"""One job over many items, in worker processes, results in the order of the items.

The number of workers changes only how long it takes. Workers die with the process that started
them, and a bounded number of results waits at any time, so a set larger than memory passes through.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, TypeVar

from blemish.processes import die_with_parent

Item = TypeVar("Item")
Result = TypeVar("Result")

_CHUNK = 8  # items a task: enough to hide the cost of a message, few enough to show progress
_WAITING_PER_WORKER = 4

_job: Callable[[Any], Any]


def ordered_map(
    job: Callable[[Item], Result], items: Sequence[Item], workers: int
) -> Iterator[Result]:
    """Yield ``job(item)`` for every item, in order.

    Args:
        job: Pickled once for each worker; must not depend on what it was called with before.
        items: Pickled singly; may be a sequence that makes each when it is sliced.
        workers: Number of processes; with 1, or a handful of items, all is done in this one.

    Yields:
        The results, in the order of ``items``.
    """
    if workers == 1 or len(items) <= _CHUNK:
        yield from map(job, items)
        return
    waiting: deque[Future[list[Result]]] = deque()
    with ProcessPoolExecutor(
        workers, get_context("spawn"), initializer=_start_worker, initargs=(job,)
    ) as pool:
        try:
            for start in range(0, len(items), _CHUNK):
                waiting.append(pool.submit(_run_chunk, items[start : start + _CHUNK]))
                if len(waiting) > workers * _WAITING_PER_WORKER:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _start_worker(job: Callable[[Any], Any]) -> None:
    global _job  # noqa: PLW0603 - a worker holds its job once, instead of with every item
    die_with_parent()
    _job = job


def _run_chunk(items: Sequence[Any]) -> list[Any]:
    return [_job(item) for item in items]
