"""How far a job is: a bar on a terminal, plain lines with rate and time left anywhere else."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console

from blemish.progress import bars, standard_error, write_line

_LINE_S = 30.0  # between two plain lines


class ScoreProgress:
    """Shows how many images are through.

    Args:
        total: How many there are.
        done: How many were done before.
        console: Where to; standard error by default.
    """

    def __init__(self, total: int, done: int, console: Console | None = None) -> None:
        self._console = console or standard_error()
        self._total, self._before = total, done
        self.here = 0
        """Images that went through in this run."""
        self._failed = 0
        self._began = self._told = time.monotonic()
        self._bar = bars(self._console) if self._console.is_terminal else None
        self._task = self._bar.add_task("", total=total, completed=done) if self._bar else None

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        elif self._before:
            self.tell(f"{self._before} of {self._total} images are done already.")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()

    def advance(self, images: int) -> None:
        """Count further images."""
        self.here += images
        if self._bar is not None and self._task is not None:
            text = f"{self._rate():.0f} images/s"
            self._bar.update(self._task, completed=self._before + self.here, description=text)
        elif time.monotonic() - self._told >= _LINE_S:
            self._told = time.monotonic()
            self.tell(self._line())

    def tell(self, line: str) -> None:
        """Write a line."""
        write_line(self._console, line)

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began

    def _rate(self) -> float:
        return self.here / max(self.seconds, 1e-9)

    def _line(self) -> str:
        done = self._before + self.here
        left = (self._total - done) / max(self._rate(), 1e-9)
        clock = time.strftime("%H:%M:%S", time.gmtime(left)) if left < 86_400 else "over a day"
        share = done / max(self._total, 1)
        return f"{done}/{self._total} images ({share:.1%}), {self._rate():.1f}/s, {clock} left"
