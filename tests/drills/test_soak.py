"""Half an hour of server, swaps, prediction log and dashboard: nothing of a process grows.

``BLEMISH_DRILL_MINUTES`` sets another length; what is compared are the thirds of it.
"""

import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest
from browser.conftest import chromium, running, shop
from browser.workshop import scene
from drills.clients import Clients
from faulty_images import encode
from integration.server.rig import serving
from playwright.sync_api import Browser

from blemish.config import Workspace
from blemish.registry import Registry

__all__ = ["chromium", "shop"]

MINUTES = float(os.environ.get("BLEMISH_DRILL_MINUTES", "30"))
READINGS = 90
PAGES = ("", "monitor", "models", "data")
MEGABYTES, DESCRIPTORS, THREADS = 50, 10, 4
"""By how much the median of the last third may exceed that of the middle one."""

pytestmark = [pytest.mark.drill, pytest.mark.timeout(int(MINUTES * 60) + 900)]


@dataclass(frozen=True)
class Reading:
    """What a program and its children hold."""

    megabytes: float
    descriptors: int
    threads: int

    @classmethod
    def of(cls, process: psutil.Process) -> "Reading":
        """Add up a process and those below it that are still there."""
        megabytes, descriptors, threads = 0.0, 0, 0
        for one in [process, *process.children(recursive=True)]:
            try:
                with one.oneshot():
                    held = one.memory_info().rss / 1e6, one.num_fds(), one.num_threads()
            except psutil.NoSuchProcess:  # a trial of a model file, which has just ended
                continue
            megabytes, descriptors, threads = (
                megabytes + held[0],
                descriptors + held[1],
                threads + held[2],
            )
        return cls(megabytes, descriptors, threads)


def test_nothing_grows(shop: Workspace, chromium: Browser, tmp_path: Path) -> None:
    """Memory, descriptors and threads of server and dashboard are flat under load and swaps."""
    uri = f"sqlite:///{shop.root / 'mlflow.db'}"
    log = {"BLEMISH_LOG_URL": f"sqlite:///{tmp_path / 'predictions.db'}"}
    log["BLEMISH_LOG_IMAGES"] = str(tmp_path / "pictures")
    cache = {"BLEMISH_CACHE": str(tmp_path / "cache")}
    images = [encode(scene(index).plane) for index in range(12)]
    with (
        serving(tmp_path, uri, **log, **cache) as server,
        Clients(server.url, 2, images, pause=0.1) as clients,
    ):
        addresses = {"BLEMISH_API_URL": server.url}
        environment = log | cache | addresses
        with running("dashboard", shop.root, environment, "/_stcore/health") as url:
            watched = {
                "server": psutil.Process(server.pid),
                "dashboard": _listener(int(url.rpartition(":")[2])),
            }
            readings = _soak(shop, chromium, url, watched)
        swaps = server.metric("blemish_model_swaps_total")
    for name, found in readings.items():
        print(name, _describe(found))
    print(f"{sum(clients.statuses.values())} requests, {swaps:.0f} swaps, {MINUTES:.0f} minutes")
    assert clients.faults == []
    assert set(clients.statuses) == {200}
    assert swaps > 0
    for name, found in readings.items():
        _hold_flat(name, found)


def _soak(
    shop: Workspace, chromium: Browser, url: str, watched: dict[str, psutil.Process]
) -> dict[str, list[Reading]]:
    """Move the champion and open a page, again and again; read what the programs hold."""
    registry = Registry.connect(workspace=shop)
    readings: dict[str, list[Reading]] = {name: [] for name in watched}
    begin = time.monotonic()
    for turn in range(READINGS):
        with registry.store.calling("Moving the champion") as client:
            client.set_registered_model_alias("blemish", "champion", str(1 + turn % 4))
        page = chromium.new_page()
        page.goto(f"{url}/{PAGES[turn % len(PAGES)]}")
        page.wait_for_selector("h1, h2", timeout=60_000)
        page.close()
        time.sleep(max(0.0, begin + (turn + 1) * MINUTES * 60 / READINGS - time.monotonic()))
        for name, process in watched.items():
            readings[name].append(Reading.of(process))
    return readings


def _listener(port: int) -> psutil.Process:
    """Return the process that listens on a port of loopback."""
    found = next(
        one.pid
        for one in psutil.net_connections("tcp")
        if one.status == psutil.CONN_LISTEN and one.laddr.port == port and one.pid
    )
    return psutil.Process(found)


def _thirds(readings: list[Reading]) -> list[Reading]:
    parts = np.array_split(np.arange(len(readings)), 3)
    return [
        Reading(
            *(
                statistics.median(getattr(readings[i], name) for i in part)
                for name in ("megabytes", "descriptors", "threads")
            )
        )
        for part in parts
    ]


def _describe(readings: list[Reading]) -> str:
    return "MB, descriptors and threads by thirds: " + "; ".join(
        f"{third.megabytes:.0f}, {third.descriptors:.0f}, {third.threads:.0f}"
        for third in _thirds(readings)
    )


def _hold_flat(name: str, readings: list[Reading]) -> None:
    _, middle, last = _thirds(readings)
    assert last.megabytes - middle.megabytes < MEGABYTES, (name, readings)
    assert last.descriptors - middle.descriptors <= DESCRIPTORS, (name, readings)
    assert last.threads - middle.threads <= THREADS, (name, readings)
