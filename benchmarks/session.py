"""A session of a quality engineer in Chromium: times of steps and pages, memory of the dashboard.

    python benchmarks/session.py

Works on the store of this checkout: 300 steps through the test images of Compare, 30 changes of
the page and 5 uploads. Prints medians, and the memory of the dashboard before and after.
"""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
import numpy as np
from playwright.sync_api import FilePayload, Page, expect, sync_playwright

from blemish.visualization import encode_png

STEPS, CHANGES, UPLOADS = 300, 30, 5
PAGES = {"Monitor": "Latest predictions", "Models": "Lineage and gate", "Data": "Show masks"}
_DRAWN = ".stage img"
_PATIENCE_S = 10.0


def main() -> None:
    """Play the session and print what it took."""
    program = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if program is None:
        sys.exit("No Chromium on the path. Install it: sudo apt-get install chromium")
    with _dashboard() as (url, process), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        expect.set_options(timeout=60_000)
        page.goto(url)
        expect(page.locator(_DRAWN).first).to_be_visible()
        _wait_for_all(page)
        page.goto(url)
        warm = _timed(lambda: expect(page.locator(_DRAWN).first).to_be_visible())
        before = _megabytes(process)
        rounds = CHANGES // len(PAGES)
        steps: list[float] = []
        changes: list[float] = []
        for number in range(rounds):
            _wait_for_all(page)
            steps += [_step(page) for _ in range(STEPS // rounds)]
            for name, awaited in PAGES.items():
                page.get_by_role("link", name=name).click()
                changes.append(_timed(partial(_see, page, awaited)))
            if number % 2 == 0 and number // 2 < UPLOADS:
                _upload(page, url, number)
            page.goto(url)
            expect(page.locator(_DRAWN).first).to_be_visible()
        page.wait_for_timeout(45_000)  # what is idle for 20 to 40 s is given back
        after = _megabytes(process)
        browser.close()
    print(f"step to the next image, median of {len(steps)}: {statistics.median(steps):.3f} s")
    print(f"change of the page, median of {len(changes)}: {statistics.median(changes):.2f} s")
    print(f"first content of Compare, warm: {warm:.2f} s")
    print(f"memory: {before:.0f} MB at the start, {after:.0f} MB after the session")


def _see(page: Page, text: str) -> None:
    expect(page.get_by_text(text).first).to_be_visible()


def _timed(wait: Callable[[], object]) -> float:
    began = time.perf_counter()
    wait()
    return time.perf_counter() - began


def _step(page: Page) -> float:
    """Press the key for the next image; return the seconds until its panes are drawn."""
    image = page.locator(_DRAWN).first
    source = image.get_attribute("src")
    began = time.perf_counter()
    page.keyboard.press("ArrowRight")
    while image.get_attribute("src") == source and time.perf_counter() - began < _PATIENCE_S:
        pass  # each look takes some milliseconds itself
    return time.perf_counter() - began


def _wait_for_all(page: Page) -> None:
    expect(page.get_by_text("Both versions have seen")).to_have_count(0)
    expect(page.get_by_text("Intervals are 95 %")).to_be_visible()


def _upload(page: Page, url: str, seed: int) -> None:
    plane = np.random.default_rng(seed).integers(90, 160, (2_000, 3_000)).astype(np.uint8)
    page.goto(f"{url}/?on=uploads")
    file = FilePayload(name=f"part-{seed}.png", mimeType="image/png", buffer=encode_png(plane))
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text(f"part-{seed}.png · 3000 x 2000")).to_be_visible()


def _megabytes(process: "subprocess.Popen[bytes]") -> float:
    text = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    (line,) = (line for line in text.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1e3


@contextmanager
def _dashboard() -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "blemish", "dashboard", "--port", str(port)],
        env=os.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(240):
            try:
                httpx.get(f"{url}/_stcore/health", timeout=1).raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.25)
        yield url, process
    finally:
        process.terminate()
        process.wait(20)


if __name__ == "__main__":
    main()
