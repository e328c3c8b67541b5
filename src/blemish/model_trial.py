"""A model file is tried in a process of its own before this one loads it.

What the operators of a file cost in time and memory shows only when they run. The process has
limits of both, and of the files it may write; whatever it does, this one only reads its answer.
"""

import resource
import subprocess
import sys

from blemish.errors import ModelFileError
from blemish.inference import Segmenter
from blemish.processes import die_with_parent

_SECONDS = 30.0
_MEGABYTES = 2048
_REFUSED = 3
"""Exit status of a trial that refuses a file; its reason is on standard output."""
_REASON_LENGTH = 1000


def try_model(data: bytes, *, seconds: float = _SECONDS, megabytes: int = _MEGABYTES) -> None:
    """Load a model file and have it answer the golden image, in a process with limits.

    Args:
        data: The ONNX file; its bytes have been verified.
        seconds: Longest time that the trial may take.
        megabytes: Most memory, in 2^20 bytes, that the file may need beyond that of the program.

    Raises:
        ModelFileError: The file is no model of ours, answers wrongly, or exceeds a limit.
    """
    command = [sys.executable, "-P", "-m", __name__, str(megabytes), str(int(seconds) + 1)]
    try:
        done = subprocess.run(
            command, input=data, capture_output=True, check=False, timeout=seconds
        )
    except subprocess.TimeoutExpired as error:
        raise ModelFileError(
            f"The model file did not load and answer within {seconds:g} s; it is not loaded here. "
            "Export it again: dvc repro export"
        ) from error
    if done.returncode == _REFUSED:
        raise ModelFileError(done.stdout.decode(errors="replace")[:_REASON_LENGTH])
    if done.returncode != 0:
        raise ModelFileError(
            f"The model file ended its trial ({_fate(done.returncode)}; it may need more than "
            f"{megabytes} MB); it is not loaded here. Export it again: dvc repro export"
        )


def _fate(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"


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


def _main() -> int:
    die_with_parent()
    data = sys.stdin.buffer.read()
    _limit(int(sys.argv[1]), int(sys.argv[2]))
    try:
        Segmenter.from_bytes(data, threads=1).check()
    except ModelFileError as error:
        sys.stdout.write(str(error))
        return _REFUSED
    except MemoryError:
        sys.stdout.write("The model file needs more memory than its trial may take.")
        return _REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(_main())
