"""One job over many items: in order, errors passed on, and no worker that outlives its parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from blemish.parallel import ordered_map

ENDLESS = """
import sys, time
from blemish.parallel import ordered_map

def job(item):
    time.sleep(0.05)
    return item

if __name__ == "__main__":
    for _ in ordered_map(job, range(100_000), 2):
        pass
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_order(workers: int) -> None:
    """Whoever finishes first, results stand in the order of the items."""
    assert list(ordered_map(abs, range(-100, 0), workers)) == list(range(100, 0, -1))


@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_to_do_is_nothing(workers: int) -> None:
    """No items, no results."""
    assert list(ordered_map(abs, [], workers)) == []


def test_an_error_in_a_worker_is_raised_here() -> None:
    """The error of a job reaches the one that asked."""
    with pytest.raises(ZeroDivisionError):
        list(ordered_map((1).__floordiv__, [1] * 30 + [0] + [1] * 30, 2))


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("seconds", [0.0, 0.3, 1.0, 3.0])
def test_no_worker_outlives_its_parent(tmp_path: Path, seconds: float) -> None:
    """After ``kill -9``, also while workers are starting, every process of the group ends."""
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS)
    process = subprocess.Popen([sys.executable, script], start_new_session=True)
    while not children_of(process.pid):
        time.sleep(0.02)
    time.sleep(seconds)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 60
    while group_of(process.pid):
        assert time.monotonic() < deadline, group_of(process.pid)
        time.sleep(0.1)


def children_of(pid: int) -> list[int]:
    return [other for other, parent, _ in processes() if parent == pid]


def group_of(pid: int) -> list[int]:
    return [other for other, _, session in processes() if session == pid]


def processes() -> list[tuple[int, int, int]]:
    """Return id, parent and session of every process."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[0] != "Z":
            found.append((int(folder.name), int(fields[1]), int(fields[3])))
    return found
