"""Who may see the dashboard: a person who logs in, by a name of its own, in no frame of others."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from browser.conftest import Dashboard, running
from playwright.sync_api import Browser, Page, expect

from blemish.dashboard.user_file import UserFile

NAME, WORD = "Ada", "correct horse battery"


@pytest.fixture
def guarded(dashboard: Dashboard, tmp_path: Path) -> Iterator[str]:
    """A dashboard that asks for a login, as it does beyond loopback."""
    UserFile(tmp_path / "users.json").add(NAME, WORD)
    environment = dashboard.environment | {
        "BLEMISH_DASHBOARD_LOGIN": "1",
        "BLEMISH_USERS_FILE": str(tmp_path / "users.json"),
    }
    with running("dashboard", dashboard.shop.root, environment, "/_stcore/health") as url:
        yield url


def test_every_page_asks_for_a_login(page: Page, guarded: str) -> None:
    """Nothing of a page is there before name and password are right; then it stays.

    Whoever moves the champion is the one who logged in: nobody is asked for a name.
    """
    for path in ("/", "/monitor", "/models", "/data"):
        page.goto(f"{guarded}{path}")
        expect(page.get_by_role("button", name="Log in")).to_be_visible()
        expect(page.get_by_text("Champion:")).to_have_count(0)
    page.goto(f"{guarded}/models")
    for word, answer in (("wrong password", "Name or password is wrong."), (WORD, "Champion:")):
        page.get_by_label("Name", exact=True).fill(NAME)
        page.get_by_label("Password", exact=True).fill(word)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_text(answer).first).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Promote version").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text(f"By {NAME}.")).to_be_visible()
    expect(dialog.get_by_label("Your name")).to_have_count(0)


@pytest.fixture
def frame_of_others(dashboard: Dashboard) -> Iterator[str]:
    """A page of another origin that frames the page Models."""
    html = f"<p>Win a prize</p><iframe src='{dashboard.url}/models'></iframe>".encode()

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as listener:
        thread = threading.Thread(target=listener.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listener.server_port}"
        listener.shutdown()
        thread.join()


def test_no_page_of_others_frames_it(
    chromium: Browser, dashboard: Dashboard, frame_of_others: str
) -> None:
    """In a frame of another origin nothing of it is shown; by itself the page is."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(frame_of_others)
    expect(page.get_by_text("Win a prize")).to_be_visible()
    page.wait_for_timeout(3_000)
    framed = page.frames[1]
    assert not framed.url.startswith(dashboard.url)
    assert framed.get_by_text("Promote").count() == 0
    context.close()


def test_it_answers_to_its_own_names(dashboard: Dashboard) -> None:
    """Another Host is a 421 for pages and refused for the socket; health answers to any name."""
    other = {"host": "attacker.example"}
    assert httpx.get(dashboard.url, headers=other).status_code == 421
    assert httpx.get(f"{dashboard.url}/_stcore/health", headers=other).status_code == 200
    upgrade = {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    socket = f"{dashboard.url}/_stcore/stream"
    assert httpx.get(socket, headers=upgrade | other).status_code == 403
    assert httpx.get(socket, headers=upgrade | {"host": "localhost"}).status_code == 101
