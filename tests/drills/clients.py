"""Clients of the API, for drills of a server under load."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Self

import httpx


class Clients:
    """Threads that ask until told to stop, each with a connection of its own.

    Args:
        url: Of the server.
        count: How many.
        images: What about, in turns; each client begins at another one.
        include: ``mask`` to keep the masks of all answers by version.
        pause: Seconds between two requests of one client.
    """

    def __init__(
        self, url: str, count: int, images: Sequence[bytes], *, include: str = "", pause: float = 0
    ) -> None:
        self._url, self._images, self._include, self._pause = url, images, include, pause
        self._stop = threading.Event()
        self.statuses: Counter[int] = Counter()
        self.faults: list[str] = []
        self.masks: dict[int, set[str]] = {}
        self._threads = [threading.Thread(target=self._ask, args=(turn,)) for turn in range(count)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, turn: int) -> None:
        query = {"include": self._include} if self._include else {}
        with httpx.Client(base_url=self._url, timeout=60) as client:
            for image in itertools.islice(itertools.cycle(self._images), turn, None):
                if self._stop.is_set():
                    return
                try:
                    response = client.post("/v1/predict", content=image, params=query)
                except httpx.TransportError as error:
                    self.faults.append(repr(error))
                    continue
                self.statuses[response.status_code] += 1
                if response.status_code == 200 and self._include:
                    answer = response.json()
                    seen = self.masks.setdefault(answer["model"]["version"], set())
                    seen.add(answer["mask_png"])
                time.sleep(self._pause)
