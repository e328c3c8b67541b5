"""The best that could be had without a server: processes of one thread each, in a bare loop.

One loop whose session has all cores is slower than one loop for each core, since only the network
runs on more than one thread; so it would flatter what is measured against it.
"""

import contextlib
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection

from blemish.answers import answer
from blemish.inference import Segmenter
from blemish.prediction import ModelIdentity

PROCESSES = 2


@contextlib.contextmanager
def bare_processes(
    data: bytes, images: Sequence[bytes], count: int = PROCESSES, threads: int = 1
) -> Iterator[Callable[[float], float]]:
    """Start the processes; yield a function that lets them work and returns images a second.

    Args:
        data: The model file.
        images: Encoded images, each read again and again.
        count: How many processes.
        threads: Of the network, in each.
    """
    context = multiprocessing.get_context("spawn")
    pipes = [context.Pipe() for _ in range(count)]
    workers = [
        context.Process(
            target=_answer_until_told, args=(theirs, data, images, threads), daemon=True
        )
        for _, theirs in pipes
    ]
    for worker in workers:
        worker.start()
    ends = [ours for ours, _ in pipes]
    for end in ends:
        end.recv()  # loaded

    def rate(seconds: float) -> float:
        for end in ends:
            end.send(seconds)
        return float(sum(end.recv() for end in ends))

    try:
        yield rate
    finally:
        for worker in workers:
            worker.kill()
            worker.join()


def _answer_until_told(
    connection: Connection, data: bytes, images: Sequence[bytes], threads: int
) -> None:
    """Answer images for as many seconds as the other end asks for; send images a second."""
    import cv2  # noqa: PLC0415 - in the process that it is set for

    cv2.setNumThreads(threads)
    segmenter = Segmenter.from_bytes(data, threads=threads)
    identity = ModelIdentity(
        name="blemish",
        version=1,
        alias="champion",
        precision="fp32",
        fingerprint=segmenter.card.fingerprint,
        git_commit=None,
    )
    connection.send(None)
    while True:
        seconds = connection.recv()
        begin, done = time.perf_counter(), 0
        while time.perf_counter() - begin < seconds:
            answer(images[done % len(images)], segmenter).to_prediction(identity).to_json()
            done += 1
        connection.send(done / (time.perf_counter() - begin))
