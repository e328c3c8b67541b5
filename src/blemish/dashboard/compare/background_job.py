"""Work of the page in a thread of its own; results grow as it goes."""

import abc
import threading

from blemish.memory import return_memory


class BackgroundJob(abc.ABC):
    """Looks at images in the background.

    A subclass prepares itself and then calls ``start``; ``work`` asks ``stopped`` between images.

    Args:
        name: Name of the thread.
    """

    def __init__(self, name: str) -> None:
        self.error: Exception | None = None
        """Why it stopped, if it did."""
        self._stopped, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    @abc.abstractmethod
    def seen(self) -> int:
        """How many images it has seen."""

    @property
    @abc.abstractmethod
    def total(self) -> int:
        """How many images there are."""

    @property
    def done(self) -> bool:
        """Whether every image was seen, or it stopped."""
        return self._ended.is_set()

    @property
    def stopped(self) -> bool:
        """Whether it was told to stop."""
        return self._stopped.is_set()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Give up; called when no page shows it any more."""
        self._stopped.set()

    def wait(self, seconds: float) -> bool:
        """Wait for the end, at most for ``seconds``; return whether it came."""
        return self._ended.wait(seconds)

    @abc.abstractmethod
    def work(self) -> None:
        """Look at the images."""

    def _run(self) -> None:
        try:
            self.work()
        except Exception as error:  # noqa: BLE001 - a thread's edge: the page shows it
            self.error = error
        finally:
            self._ended.set()
            return_memory()
