"""Processes that die with the one that started them, and the first of those of ``torchrun``.

``kill -9`` of ``dvc repro`` leaves a running stage behind, which then writes into the outputs of
the next run. A stage therefore ties its life to the process that started it, and so does each of
its workers: by ``prctl(PR_SET_PDEATHSIG)`` for the direct parent, and by pidfds (Linux 5.3) for
every ancestor up to DVC, since a shell may stand between.
"""

import ctypes
import multiprocessing
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_SHELLS = ("sh", "bash", "dash", "zsh", "ash")
"""DVC runs a stage through one of them."""


def is_first_process() -> bool:
    """Tell whether this is the one process of ``torchrun`` that writes, before they have met."""
    return int(os.environ.get("RANK", "0")) == 0


def die_with_parent() -> None:
    """Have the kernel kill this process when its direct parent ends (Linux; elsewhere nothing).

    A worker whose parent ended while the worker was still starting ends here.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():
        os._exit(1)


def die_with_dvc() -> None:
    """End this process at once when the ``dvc`` that started it, directly or not, ends."""
    if sys.platform != "linux":
        return
    guarded = _ancestors_up_to_dvc()
    if not guarded:
        if "DVC_STAGE" in os.environ and _is_orphan():  # it ended before we could look
            os.kill(os.getpid(), signal.SIGKILL)
        return
    die_with_parent()
    try:
        descriptors = [os.pidfd_open(pid) for pid in guarded]
    except ProcessLookupError:  # one of them ended meanwhile
        os.kill(os.getpid(), signal.SIGKILL)
    except OSError:  # a kernel or a sandbox without them: the direct parent must do
        return
    threading.Thread(target=_end_with, args=(descriptors,), name="lifeline", daemon=True).start()


def _end_with(descriptors: list[int]) -> None:
    """Wait until any of the processes ends, then kill this one and, by its death, its workers."""
    select.select(descriptors, [], [])
    os.kill(os.getpid(), signal.SIGKILL)


def _ancestors_up_to_dvc() -> list[int]:
    """Return the process ids from the parent up to the nearest ``dvc``; empty without one."""
    chain: list[int] = []
    with suppress(OSError):  # it ended, or /proc shows no processes of others
        for pid in _ancestors():
            chain.append(pid)
            if _is_dvc(pid):  # the first process of a container may be DVC itself
                return chain
    return []


def _is_orphan() -> bool:
    """Say whether the shells above hang below init: who had started them has ended."""
    with suppress(OSError):  # a shell ended too
        starters = (pid for pid in _ancestors() if pid == 1 or _program(pid) not in _SHELLS)
        starter = next(starters, None)
        # The systemd of a user takes orphans as well.
        return starter is not None and (starter == 1 or _program(starter) == "systemd")
    return True


def _ancestors() -> Iterator[int]:
    """Yield the process ids from the parent up to the first process."""
    pid = os.getppid()
    while pid > 0:
        yield pid
        pid = _parent_of(pid)


def _program(pid: int) -> str:
    return Path(os.fsdecode(_words(pid)[0])).name


def _words(pid: int) -> list[bytes]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")


def _is_dvc(pid: int) -> bool:
    words = _words(pid)
    return any(Path(os.fsdecode(word)).name == "dvc" for word in words[:3]) or b"dvc" in words[:4]


def _parent_of(pid: int) -> int:
    status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    return int(status.rpartition(")")[2].split()[1])
