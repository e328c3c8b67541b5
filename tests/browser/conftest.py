"""One store, one dashboard and one Chromium for all browser tests."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from browser import workshop
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright

from blemish.config import Workspace

expect.set_options(timeout=15_000)
PASSWORD = "open sesame"
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's Chromium; ``make test`` installs it where the system lets it."""
    program = next((found for name in _PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        pytest.fail("No Chromium on the path. Install it: sudo apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A finished checkout with four versions in its store."""
    return workshop.build(tmp_path_factory.mktemp("shop") / "checkout")


@dataclass(frozen=True)
class Dashboard:
    """A running dashboard: its address, checkout and environment."""

    url: str
    shop: Workspace
    environment: dict[str, str]


@pytest.fixture(scope="session")
def dashboard(shop: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """The dashboard on the store of the shop, with a password for moving the champion."""
    environment = {
        "BLEMISH_CACHE": str(tmp_path_factory.mktemp("cache")),
        "BLEMISH_DASHBOARD_PASSWORD": PASSWORD,
        "BLEMISH_API_URL": f"http://127.0.0.1:{free_port()}",
    }
    with running("dashboard", shop.root, environment, "/_stcore/health") as url:
        yield Dashboard(url, shop, environment)


@dataclass
class Visit:
    """A tab, with what it asked for and complained about."""

    page: Page
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Hold the page to what every page promises: nothing from outside, no script of others."""
        outside = [url for url in self.asked if urlsplit(url).hostname not in (None, "127.0.0.1")]
        assert outside == []
        assert self.complaints == []
        assert self.page.evaluate("window.hacked") is None
        assert "Traceback" not in self.page.inner_text("body")
        assert raw_values(self.page) == []


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Visit]:
    """A tab that fails the test when a page asks the network or runs what it should not."""
    # Tokyo has no summer time, and is never in the zone of the machine that runs the tests.
    context = chromium.new_context(
        viewport={"width": 1440, "height": 1000}, timezone_id="Asia/Tokyo"
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    seen = Visit(page)

    def note(message: ConsoleMessage) -> None:
        # Streamlit looks for its health at the page's own path first, and is told 404.
        if message.type == "error" and "404" not in message.text:
            seen.complaints.append(message.text)

    page.on("request", lambda request: seen.asked.append(request.url))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("console", note)
    yield seen
    seen.check()
    context.close()


@pytest.fixture
def page(visit: Visit) -> Page:
    """The tab alone."""
    return visit.page


def raw_values(page: Page) -> list[str]:
    """Return what a page shows in the words of its code: no value, a column's name, bytes."""
    raw = re.compile(r".*(?:\bNone\b|epoch_seconds|\\x[0-9a-f]{2}|\b0x[0-9a-f]).*")
    tables = page.locator("[role=gridcell], [role=columnheader]").all_text_contents()
    return [said for text in (page.inner_text("body"), *tables) for said in raw.findall(text)]


def cell(page: Page, text: str) -> Locator:
    """Return the cell of a table: tables are drawn on a canvas, with a hidden one to read out."""
    return page.locator("td[role=gridcell]", has_text=text).first


def fill_in(page: Page, *, reason: str, password: str = PASSWORD) -> None:
    """Say in a dialog who acts, and why."""
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Your name").fill("Quality <b>engineer</b>")
    dialog.get_by_label("Reason", exact=True).fill(reason)
    dialog.get_by_label("Password", exact=True).fill(password)
    dialog.get_by_label("Password", exact=True).press("Enter")
    page.wait_for_timeout(1_000)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def running(
    command: str, folder: Path, environment: dict[str, str], health: str, port: int | None = None
) -> Iterator[str]:
    """Run a command of ours that serves, until the block ends; yield its address."""
    port = port or free_port()
    arguments = [sys.executable, "-m", "blemish", command, "--port", str(port)]
    log = folder / f".{command}-{port}.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            arguments,
            cwd=folder,
            env=os.environ | environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait(f"http://127.0.0.1:{port}{health}", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(240):
        if process.poll() is not None:
            break
        try:
            httpx.get(url, timeout=1).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.25)
        else:
            return
    pytest.fail(f"{url} did not come up:\n{log.read_text(errors='replace')[-3_000:]}")
