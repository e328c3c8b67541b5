"""Ends the inference of one image from another thread, since a graph may run for ever."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import onnxruntime as ort

from blemish.errors import InferenceInterruptedError

_MESSAGE = "The inference was ended before it was done."


class Interruption:
    """Handed to an inference by whoever may want to end it; for one request."""

    def __init__(self) -> None:
        self.stopped = False
        """Whether somebody has ended it."""
        self.overrun = False
        """Whether it was ended because one run of the graph took too long."""
        self.running_since: float | None = None
        """When the run of the graph in progress began, by ``time.monotonic``; None between runs."""
        self._options = ort.RunOptions()

    def stop(self, *, overrun: bool = False) -> None:
        """End the run in progress between two of its nodes, and begin no other.

        Args:
            overrun: One run of the graph took too long.
        """
        self.overrun = self.overrun or overrun
        self.stopped = True
        self._options.terminate = True

    def check(self) -> None:
        """Raise if it was ended.

        Raises:
            InferenceInterruptedError: It was.
        """
        if self.stopped:
            raise InferenceInterruptedError(_MESSAGE)

    @contextmanager
    def running(self, *, shrinking: bool = False) -> Iterator[ort.RunOptions]:
        """Cover one run of a graph with the options that it must be given.

        Args:
            shrinking: Have the memory given back that this run alone needed.

        Raises:
            InferenceInterruptedError: It was ended, before or meanwhile.
        """
        options = ort.RunOptions()
        if shrinking:
            options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self._options = options
        self.check()  # after they are known to whoever may end the run
        self.running_since = time.monotonic()
        try:
            yield options
        except Exception as error:
            if self.stopped:
                raise InferenceInterruptedError(_MESSAGE) from error
            raise
        finally:
            self.running_since = None
