"""A model file is tried in a process of its own before this one loads it.

What the operators of a file cost in time and memory shows only when they run. The process has
limits of both, and of the files it may write; whatever it does, this one only reads its answer.
Starting Python and onnxruntime takes half a second, so the program that does so waits a while for
the next file and forks for each (:mod:`blemish.trial_process`).
"""

import atexit
import contextlib
import functools
import json
import os
import struct
import subprocess
import sys
import threading
from typing import IO, cast

from blemish.errors import ModelFileError

REQUEST = struct.Struct("<QII")
"""Bytes of the file that follows, its limit of memory in 2^20 bytes, its limit of time in s."""
REFUSED = 3
"""Exit status of a trial that refuses a file; its reason is beside it."""
_SECONDS = 30.0
_MEGABYTES = 2048
_REASON_LENGTH = 1000
# Threads of a linear algebra library would not survive the fork.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class _TrialProgram:
    """A running :mod:`blemish.trial_process`."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "blemish.trial_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | _ONE_THREAD,
        )
        self._requests = cast("IO[bytes]", self._process.stdin)
        self._outcomes = cast("IO[bytes]", self._process.stdout)

    def ask(self, data: bytes, megabytes: int, seconds: float) -> tuple[int, str] | None:
        """Return exit status and reason of a trial; None if the program has ended.

        Raises:
            ModelFileError: It took too long; the program is ended.
        """
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            self._process.kill()

        timer = threading.Timer(seconds, expire)
        timer.start()
        try:
            self._requests.write(REQUEST.pack(len(data), megabytes, int(seconds) + 1))
            self._requests.write(data)
            self._requests.flush()
            line = self._outcomes.readline()
        except BrokenPipeError:
            line = b""
        finally:
            timer.cancel()
        if line:
            status, reason = json.loads(line)
            return int(status), str(reason)
        self.end()
        if expired.is_set():
            raise ModelFileError(
                f"The model file did not load and answer within {seconds:g} s; it is not loaded "
                "here. Export it again: dvc repro export"
            )
        return None

    def end(self) -> None:
        """End the program and what it runs."""
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(BrokenPipeError):  # what was not sent is of no use any more
            self._requests.close()
        self._outcomes.close()


class _TrialPrograms:
    """The programs that wait for a file; each is lent to one trial at a time."""

    def __init__(self) -> None:
        self._idle: list[_TrialProgram] = []

    def ask(self, data: bytes, megabytes: int, seconds: float) -> tuple[int, str] | None:
        """Have the file tried by a program that waits, or else by a new one."""
        try:
            program, is_new = self._idle.pop(), False
        except IndexError:
            program, is_new = _TrialProgram(), True
        if program.owner != os.getpid():  # this process was forked from the one that it answers
            program, is_new = _TrialProgram(), True
        outcome = program.ask(data, megabytes, seconds)
        if outcome is not None:
            self._idle.append(program)
        elif not is_new:  # it had ended because nobody asked for a while
            return self.ask(data, megabytes, seconds)
        return outcome

    def end(self) -> None:
        """End all that wait."""
        while self._idle:
            program = self._idle.pop()
            if program.owner == os.getpid():
                program.end()


@functools.cache
def _programs() -> _TrialPrograms:
    """Return the programs of this process, which end with it."""
    programs = _TrialPrograms()
    atexit.register(programs.end)
    return programs


def try_model(data: bytes, *, seconds: float = _SECONDS, megabytes: int = _MEGABYTES) -> None:
    """Load a model file and have it answer the golden image, in a process with limits.

    Args:
        data: The ONNX file; its bytes have been verified.
        seconds: Longest time that the trial may take.
        megabytes: Most memory, in 2^20 bytes, that the file may need beyond that of the program.

    Raises:
        ModelFileError: The file is no model of ours, answers wrongly, or exceeds a limit.
    """
    outcome = _programs().ask(data, megabytes, seconds)
    if outcome is None:
        raise ModelFileError(
            "The model file ended the program that tried it; it is not loaded here. Export it "
            "again: dvc repro export"
        )
    status, reason = outcome
    if status == REFUSED:
        raise ModelFileError(reason[:_REASON_LENGTH])
    if status != 0:
        raise ModelFileError(
            f"The model file ended its trial ({_fate(status)}; it may need more than "
            f"{megabytes} MB); it is not loaded here. Export it again: dvc repro export"
        )


def _fate(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"
