"""The pipeline under kills, full disks, flipped bits and a dead store, at small size.

The moments and places are drawn from a seed, which each drill prints; ``BLEMISH_DRILL_SEED`` sets
another, ``BLEMISH_DRILL_KILLS`` another number of kills.
"""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import yaml
from integration.fake_servers import answering
from pipeline.checkouts import Checkout, clean_environment
from pipeline.test_faults import stage_processes, wait_for

pytestmark = [pytest.mark.drill, pytest.mark.timeout(7200)]

SEED = int(os.environ.get("BLEMISH_DRILL_SEED", "2026"))
KILLS = int(os.environ.get("BLEMISH_DRILL_KILLS", "20"))


@pytest.fixture
def rng() -> random.Random:
    """Draws the moments and places of a drill."""
    print(f"seed {SEED}")
    return random.Random(SEED)  # noqa: S311 - a drill is to be repeatable


def clone(reproduced: Checkout, target: Path) -> Checkout:
    """Clone a checkout without its data, its cache and its store."""
    target.parent.mkdir(parents=True, exist_ok=True)
    reproduced.git("clone", "-q", ".", str(target))
    (target / ".venv").symlink_to(reproduced.root / ".venv")
    return Checkout(target)


def restored(reproduced: Checkout, target: Path) -> Checkout:
    """Clone a checkout and bring its outputs along through DVC."""
    copy = clone(reproduced, target)
    copy.run("dvc", "remote", "add", "-d", "local", str(reproduced.root / ".dvc" / "cache"))
    copy.run("dvc", "pull")
    return copy


def start_repro(checkout: Checkout, log: Path) -> subprocess.Popen[bytes]:
    """Start ``dvc repro`` without the run cache, so that every stage runs."""
    with log.open("ab") as stream:
        return subprocess.Popen(
            [str(checkout.root / ".venv" / "bin" / "dvc"), "repro", "--no-run-cache"],
            cwd=checkout.root,
            env=clean_environment(),
            stdout=stream,
            stderr=stream,
        )


def process_ids(root: Path) -> list[int]:
    """Return the processes that run a stage script of a checkout."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"{root}/stages/".encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def forget_outputs(checkout: Checkout) -> None:
    """Make every stage run again."""
    (checkout.root / "dvc.lock").unlink(missing_ok=True)


def test_kills_at_random_moments(reproduced: Checkout, tmp_path: Path, rng: random.Random) -> None:
    """After kill -9 of a stage or of dvc no process is left, and a rerun gives the same lock."""
    checkout = clone(reproduced, tmp_path / "checkout")
    log, expected = tmp_path / "repro.log", reproduced.lock()
    forget_outputs(checkout)
    started = time.monotonic()
    assert start_repro(checkout, log).wait() == 0, log.read_text()
    whole = time.monotonic() - started
    victims = [rng.choice(["stage", "dvc"]) for _ in range(KILLS)]
    for number, victim in enumerate(victims):
        forget_outputs(checkout)
        process = start_repro(checkout, log)
        moment = rng.uniform(0.0, whole)
        with suppress(subprocess.TimeoutExpired):
            process.wait(moment)
        killed = [process.pid] if victim == "dvc" else process_ids(checkout.root)
        for pid in killed:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        wait_for(lambda: not stage_processes(checkout.root), 30, log)
        if checkout.run("blemish", "doctor", "--lock", check=False).status:  # as make repro does
            checkout.git("checkout", "--", "dvc.lock")
        again = checkout.run("dvc", "repro", "--no-run-cache", check=False)
        said = "".join(kept.read_text() for kept in checkout.root.glob(".blemish/failures/*.txt"))
        assert again.status == 0, (
            f"kill {number}: {victim} after {moment:.1f} s\n{again.text}{said}"
        )
        assert checkout.lock() == expected, f"kill {number}: {victim} after {moment:.1f} s"
    print(f"{KILLS} kills ({victims.count('dvc')} of dvc) within {whole:.0f} s, equal locks")


def test_a_cut_lock_is_named_with_advice_that_works(
    reproduced: Checkout, tmp_path: Path, rng: random.Random
) -> None:
    """Doctor stops at a lock that was cut anywhere; its command leads back to a clean status."""
    checkout = restored(reproduced, tmp_path / "checkout")
    whole, named_cuts = checkout.lock(), 0
    for cut in (0, *(rng.randrange(1, len(whole) - 1) for _ in range(9))):
        (checkout.root / "dvc.lock").write_text(whole[:cut], encoding="utf-8")
        named = checkout.run("blemish", "doctor", "--lock", check=False)
        if named.status == 0:  # between two entries: what follows runs again
            assert whole[cut - 1] == "\n", f"cut at {cut}"
            assert checkout.run("dvc", "status", "--json").text
            continue
        named_cuts += 1
        assert "git checkout -- dvc.lock" in named.text
        checkout.git("checkout", "--", "dvc.lock")
        assert "up to date" in checkout.run("dvc", "status").text
    print(f"{named_cuts} of 10 cuts named, the others are whole entries")


def test_the_second_repro_says_who_is_first(reproduced: Checkout, tmp_path: Path) -> None:
    """Of two repros one wins; the other ends within five seconds and names the first."""
    checkout = clone(reproduced, tmp_path / "checkout")
    forget_outputs(checkout)
    log = tmp_path / "repro.log"
    first = start_repro(checkout, log)
    wait_for(lambda: stage_processes(checkout.root), 60, log)
    started = time.monotonic()
    second = checkout.run("dvc", "repro", check=False)
    took = time.monotonic() - started
    assert second.status != 0
    assert str(first.pid) in second.text, second.text
    assert first.wait() == 0, log.read_text()
    assert checkout.lock() == reproduced.lock()
    assert took < 5, f"{took:.1f} s"
    print(f"the second ended in {took:.1f} s")


@contextmanager
def small_disk(place: Path, megabytes: int) -> Iterator[None]:
    """Mount a file system in memory; skip where that is not allowed."""
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a tmpfs cannot be mounted: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def resize(place: Path, megabytes: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={megabytes}m", str(place)], check=True)


def test_a_full_disk_at_each_write(reproduced: Checkout, tmp_path: Path) -> None:
    """Wherever the disk gets full: not success, nothing half-written, and a rerun works."""
    place = tmp_path / "disk"
    failures = 0
    with small_disk(place, 200):
        checkout = clone(reproduced, place / "checkout")
        used = int(subprocess.check_output(["du", "-sm", str(place)]).split()[0])
        expected = yaml.safe_load(reproduced.lock())["stages"]
        for room in (1, 2, 4, 6, 8, 10, 12, 16, 20):
            resize(place, used + room)
            forget_outputs(checkout)
            failed = checkout.run("dvc", "repro", "--no-run-cache", check=False)
            failures += failed.status != 0
            resize(place, 400)
            for stage in locked(checkout).values():
                assert stage in expected.values()  # what DVC believes in is whole
            for folder in ("data", "models"):  # and so is what it does not know of yet
                for file in everything(checkout.root / folder):
                    whole = reproduced.root / file.relative_to(checkout.root)
                    assert not whole.exists() or file.read_bytes() == whole.read_bytes(), file
        assert failures, "the disk never got full"
        forget_outputs(checkout)
        checkout.run("dvc", "repro", "--no-run-cache")
        assert checkout.lock() == reproduced.lock()
    print(f"{failures} of 9 sizes were too small")


def locked(checkout: Checkout) -> dict:
    """Return the stages that the lock knows; none where it is missing, or DVC left it empty."""
    file = checkout.root / "dvc.lock"
    known = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else None
    return known["stages"] if known else {}


def test_a_flipped_bit_is_named(reproduced: Checkout, tmp_path: Path, rng: random.Random) -> None:
    """Doctor names the data, cache or model file in which one bit was flipped."""
    checkout = restored(reproduced, tmp_path / "checkout")
    files = [
        file
        for folder in ("data/synthetic", "data/processed", "models", ".dvc/cache/files")
        for file in rng.sample(everything(checkout.root / folder), 2)
    ]
    sound = "".join(checkout.run("blemish", "doctor", check=False).text.split())
    for file in files:
        whole = file.read_bytes()
        place = rng.randrange(len(whole))
        broken = bytearray(whole)
        broken[place] ^= 1 << rng.randrange(8)
        replace(file, bytes(broken))
        named = checkout.run("blemish", "doctor", check=False)
        assert named.status == 1, f"{file}: {named.text}"
        joined = "".join(named.text.split())
        digest = file.parent.name + file.name.removesuffix(".dir")
        known = digest if "cache" in file.parts else file.name
        assert known in joined, f"{file}: {named.text}"
        assert known not in sound, f"{file} is named without a fault"
        replace(file, whole)
    print(f"{len(files)} files named")


def everything(folder: Path) -> list[Path]:
    """Return the files of outputs, without what git keeps beside them."""
    found = sorted(p for p in folder.rglob("*") if p.is_file() and p.stat().st_size)
    return [p for p in found if not p.name.startswith(".") and p.parent.name != "starts"]


def replace(file: Path, data: bytes) -> None:
    """Write into the file itself, as a failing disk would, whatever its permissions."""
    file.chmod(0o644)
    with file.open("r+b") as stream:
        stream.write(data)


def test_a_lost_store_comes_back(reproduced: Checkout, tmp_path: Path) -> None:
    """After mlflow.db is deleted, sync records the outputs and their curves once."""
    checkout = restored(reproduced, tmp_path / "checkout")
    for _ in range(2):
        checkout.run("blemish", "sync")
    listed = json.loads(checkout.run("blemish", "models", "--json").text)["versions"]
    assert [version["precision"] for version in listed] == ["int8", "fp32"]
    assert len({version["record"] for version in listed}) == 1
    print("one run, two versions")


def test_a_dead_store_stops_a_stage_before_any_work(reproduced: Checkout, tmp_path: Path) -> None:
    """A training whose store does not answer ends in one sentence and writes nothing."""
    checkout = restored(reproduced, tmp_path / "checkout")
    with answering(500, "text/html", b"<h1>down</h1>") as url:
        started = time.monotonic()
        failed = checkout.run(
            "dvc",
            "repro",
            "--force",
            "--single-item",
            "train",
            check=False,
            MLFLOW_TRACKING_URI=url,
        )
        took = time.monotonic() - started
    assert failed.status != 0
    assert "Epoch" not in failed.text
    assert url in failed.text, failed.text
    print(f"ended in {took:.1f} s")
