"""The program that tries model files: it imports onnxruntime once, then forks for each trial.

It reads a request from standard input and writes one line of JSON with the outcome; it ends when
nobody has asked for a while, when its input is closed, or with the process that started it.
"""

import json
import os
import resource
import select
import sys
from typing import BinaryIO

import onnx  # noqa: F401 - once here instead of in each trial

from blemish.errors import ModelFileError
from blemish.inference import Segmenter
from blemish.model_trial import REFUSED, REQUEST
from blemish.processes import die_with_parent

_IDLE_S = 30.0
_REASON_BYTES = 4000


def serve_trials(requests: BinaryIO, outcomes: BinaryIO) -> None:
    """Try one file after the other, each in a process of its own."""
    while select.select([requests], [], [], _IDLE_S)[0]:
        head = requests.read(REQUEST.size)
        if len(head) < REQUEST.size:
            return
        size, megabytes, seconds = REQUEST.unpack(head)
        data = requests.read(size)
        outcomes.write(json.dumps(_try_apart(data, megabytes, seconds)).encode() + b"\n")
        outcomes.flush()


def _try_apart(data: bytes, megabytes: int, seconds: int) -> tuple[int, str]:
    """Return exit status (negative: the signal) and reason of a trial in a new process."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = _try(data, megabytes, seconds, writer)
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        reason = stream.read(_REASON_BYTES)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), reason.decode(errors="replace")


def _try(data: bytes, megabytes: int, seconds: int, writer: int) -> int:
    die_with_parent()
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # the file's own code, if it had any, must not answer for us
        os.dup2(nothing, descriptor)
    _limit(megabytes, seconds)
    try:
        Segmenter.from_bytes(data, threads=1).check()
    except ModelFileError as error:
        os.write(writer, str(error).encode(errors="replace")[:_REASON_BYTES])
        return REFUSED
    except MemoryError:
        os.write(writer, b"The model file needs more memory than its trial may take.")
        return REFUSED
    return 0


def _limit(megabytes: int, seconds: int) -> None:
    """Limit memory to what is in use now and so much more, processor time, and files written."""
    with open("/proc/self/statm", encoding="ascii") as stream:  # noqa: PTH123 - no file of ours
        used = int(stream.read().split()[0]) * resource.getpagesize()
    for kind, most in (
        (resource.RLIMIT_AS, used + (megabytes << 20)),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    die_with_parent()
    serve_trials(sys.stdin.buffer, sys.stdout.buffer)
