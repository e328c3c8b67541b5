"""A look at a server goes the way that MLflow's own client goes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from blemish.errors import StoreUnreachableError
from blemish.store.connection import Store
from blemish.store.location import Location


@contextmanager
def listening(token: str) -> Iterator[tuple[str, list[str]]]:
    """Answer /health to whoever shows the token, and note what was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            known = self.headers.get("Authorization") == f"Bearer {token}"
            self.send_response(200 if known else 401)
            self.end_headers()
            self.wfile.write(b"OK" if known else b"")

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield "http://{}:{}".format(*server.server_address[:2]), asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "MLFLOW_TRACKING_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def test_a_token_is_shown_and_its_lack_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLFLOW_TRACKING_TOKEN opens the server; without it the sentence names the variables."""
    with listening("sesame") as (url, _):
        with pytest.raises(StoreUnreachableError, match="401; see MLFLOW_TRACKING_USERNAME"):
            Store(Location(url)).check()
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "sesame")
        Store(Location(url)).check()


def test_a_proxy_is_asked_unless_no_proxy_names_the_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Requests go through http_proxy; a network in NO_PROXY goes straight."""
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "sesame")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with listening("sesame") as (proxy, asked), listening("sesame") as (url, straight):
        monkeypatch.setenv("http_proxy", proxy)
        Store(Location("http://mlflow.invalid:5000")).check()
        assert asked == ["http://mlflow.invalid:5000/health"]
        monkeypatch.setenv("no_proxy", "127.0.0.0/8")
        Store(Location(url)).check()
        assert straight == ["/health"]


def test_no_password_of_the_address_is_in_the_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead server behind an address with a password is named without it."""
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(StoreUnreachableError) as caught:
        Store(Location("http://me:pa/ss#w?rd@127.0.0.1:9")).check()
    assert "me:***@127.0.0.1:9" in str(caught.value)
    assert "ss#w" not in str(caught.value)
