"""``kill -9`` of a scoring job, of its workers and of Ray's raylet, at random moments.

The moments are drawn from a seed, which is printed; ``BLEMISH_DRILL_SEED`` sets another one.
"""

import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from integration.scoring_jobs import result_bytes, run_job, start_command, write_images, write_model

pytestmark = [pytest.mark.drill, pytest.mark.timeout(3600)]

SEED = int(os.environ.get("BLEMISH_DRILL_SEED", "2026"))
KILLS = 10
IMAGES = 2_000


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images, a model, and an uninterrupted job over them."""
    folder = tmp_path_factory.mktemp("score")
    write_images(folder / "in", IMAGES)
    write_model(folder / "model.onnx", turns=4)
    run_job(folder / "in", folder / "whole", folder / "model.onnx", workers=2)
    return folder


def descendants(pid: int, name: bytes) -> list[int]:
    """Return the processes below one whose command line holds a name."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # it ended meanwhile
            for child in map(int, path.read_text().split()):
                if name in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(child)
                found += descendants(child, name)
    return found


def end_session(leader: int) -> None:
    """End what a killed job left: Ray's own processes notice the end of their driver late."""
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.getsid(int(path.name)) == leader:
                os.kill(int(path.name), signal.SIGKILL)


def kill_at_random(process: subprocess.Popen[str], name: bytes, rng: random.Random) -> bool:
    """Kill the job at any moment, or one process below it once there are some; say if it lived."""
    if not name:
        time.sleep(rng.uniform(0.5, 10.0))
    targets = [process.pid] if not name else descendants(process.pid, name)
    while not targets and process.poll() is None:
        time.sleep(0.02)
        targets = descendants(process.pid, name)
    if name:
        time.sleep(rng.uniform(0.0, 3.0))
    if process.poll() is not None:
        return False
    with suppress(ProcessLookupError):  # a worker that had just ended
        os.kill(rng.choice(targets), signal.SIGKILL)
        return True
    return False


def check(out: Path, world: Path) -> None:
    """The output is that of the uninterrupted run, and nothing lies beside it."""
    assert result_bytes(out) == result_bytes(world / "whole")
    assert len(list((out / "images").iterdir())) == len(list((out / "timings").iterdir()))


@pytest.mark.parametrize(
    ("engine", "victim"),
    [("local", b""), ("local", b"spawn_main"), ("ray", b""), ("ray", b"raylet/raylet")],
)
def test_kills_at_random_moments(world: Path, tmp_path: Path, engine: str, victim: bytes) -> None:
    """However often it was killed, the same command again ends with an uninterrupted run's output.

    A job that ended is checked, and the next one begins anew.
    """
    rng = random.Random(SEED)  # noqa: S311 - a drill is to be repeatable
    model, source, out = world / "model.onnx", world / "in", tmp_path / "out-0"
    hits = ended = 0
    for turn in range(1, 6 * KILLS):
        process = start_command(source, "--out", out, "--model", model, "--engine", engine)
        hits += kill_at_random(process, victim, rng)
        if not victim or engine == "ray":
            # A driver without its raylet ends by itself; what is left of it is ended here.
            time.sleep(1.0)
            end_session(process.pid)
        process.communicate(timeout=600)
        if (out / "summary.json").is_file():
            check(out, world)
            ended += 1
            out = tmp_path / f"out-{turn}"
        if hits == KILLS:
            break
    run_job(source, out, model, workers=2)
    check(out, world)
    print(f"seed {SEED}: {hits} kills of {engine} {victim.decode() or 'job'}, {ended + 1} jobs")
    assert hits == KILLS
