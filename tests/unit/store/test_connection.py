"""A look at a server goes the way that MLflow's own client goes."""

import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from certificates import certificate
from mlflow.exceptions import MlflowException
from socks_proxy import socks_proxy
from sqlalchemy.exc import OperationalError
from urllib3.exceptions import InsecureRequestWarning

from blemish.errors import StoreUnreachableError
from blemish.store.connection import Store, prepare_mlflow
from blemish.store.location import Location


@contextmanager
def listening(
    token: str, context: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> Iterator[tuple[str, list[str]]]:
    """Answer to whoever shows the token, and note what was asked for; over TLS with a context."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            known = self.headers.get("Authorization") == f"Bearer {token}"
            self.send_response(200 if known else 401)
            self.end_headers()
            answer = b"OK" if self.path.endswith("/health") else b"{}"
            self.wfile.write(answer if known else b"")

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

        def handle_error(self, *_: object) -> None:
            """Keep quiet about a client that does not trust us."""

    server = Server((host, 0), Handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        shown = f"[{host}]" if ":" in host else host
        yield f"http{'s' if context else ''}://{shown}:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_TOKEN", raising=False)


def ask(url: str) -> None:
    """Go both ways: the look at a server's health, and a call of MLflow's own client."""
    store = Store(Location(url))
    store.check()
    with store.calling("Reading models") as client:
        assert list(client.search_registered_models()) == []


HEALTH = "/health"
SEARCH = "/api/2.0/mlflow/registered-models/search"


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
    """Requests go through http_proxy; a network or an IPv6 address in NO_PROXY goes straight."""
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "sesame")
    with listening("sesame") as (proxy, asked):
        monkeypatch.setenv("http_proxy", proxy)
        ask("http://mlflow.invalid:5000")
        assert [line.partition("?")[0] for line in asked] == [
            f"http://mlflow.invalid:5000{HEALTH}",
            f"http://mlflow.invalid:5000{SEARCH}",
        ]
        for host, excepted in (("127.0.0.1", "127.0.0.0/8"), ("::1", "localhost,::1")):
            monkeypatch.setenv("no_proxy", excepted)
            with listening("sesame", host=host) as (url, straight):
                ask(url)
                assert len(straight) == 2
        assert len(asked) == 2


def test_a_socks_proxy_with_a_password_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of the server is resolved by the proxy, whose password may hold a slash."""
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "sesame")
    with listening("sesame") as (url, asked):
        port = int(url.rpartition(":")[2])
        with socks_proxy(b"me", b"pa/ss#", port) as (proxy, wanted):
            monkeypatch.setenv("http_proxy", f"socks5h://me:pa%2Fss%23@127.0.0.1:{proxy}")
            ask("http://mlflow.invalid:5000")
            assert len(asked) == 2
            assert set(wanted) == {(b"mlflow.invalid", 5000)}
            monkeypatch.setenv("http_proxy", f"socks5h://me:wr0ng%2Fword@127.0.0.1:{proxy}")
            with pytest.raises(StoreUnreachableError) as caught:
                Store(Location("http://mlflow.invalid:5000")).check()
    assert "wr0ng" not in str(caught.value)


def test_a_private_certificate_is_trusted_where_mlflow_is_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By MLFLOW_TRACKING_SERVER_CERT_PATH or MLFLOW_TRACKING_INSECURE_TLS; not without."""
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "sesame")
    chain, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    with listening("sesame", context) as (url, asked):
        with pytest.raises(StoreUnreachableError, match="MLFLOW_TRACKING_SERVER_CERT_PATH"):
            Store(Location(url)).check()
        assert asked == []
        monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(chain))
        ask(url)
        monkeypatch.delenv("MLFLOW_TRACKING_SERVER_CERT_PATH")
        monkeypatch.setenv("MLFLOW_TRACKING_INSECURE_TLS", "true")
        with pytest.warns(InsecureRequestWarning):
            ask(url)
    assert len(asked) == 4


def test_a_certificate_of_the_client_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that wants one gets that of MLFLOW_TRACKING_CLIENT_CERT_PATH."""
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "sesame")
    chain, key = certificate(tmp_path)
    both = tmp_path / "client.pem"
    both.write_bytes(chain.read_bytes() + key.read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    context.load_verify_locations(chain)
    context.verify_mode = ssl.CERT_REQUIRED
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(chain))
    with listening("sesame", context) as (url, _):
        with pytest.raises(StoreUnreachableError):
            Store(Location(url)).check()
        monkeypatch.setenv("MLFLOW_TRACKING_CLIENT_CERT_PATH", str(both))
        ask(url)


def test_no_password_of_the_address_is_in_the_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead server behind an address with a password is named without it."""
    with pytest.raises(StoreUnreachableError) as caught:
        Store(Location("http://me:pa/ss#w?rd@127.0.0.1:9")).check()
    assert "me:***@127.0.0.1:9" in str(caught.value)
    assert "ss#w" not in str(caught.value)
    assert "%2F" in str(caught.value)  # how to write it


@pytest.mark.parametrize("address", ["https://[::1", "http://", "ftp://x/y", "sqlite://", " "])
def test_what_is_no_address_is_a_sentence(address: str) -> None:
    """By the look and by a call alike."""
    store = Store(Location(address))
    with pytest.raises(StoreUnreachableError, match="does not answer"):
        store.check()
    if store.location.is_server:
        with (
            pytest.raises(StoreUnreachableError, match="does not answer"),
            store.calling("Reading versions") as client,
        ):
            client.search_registered_models()


def test_waits_that_the_user_set_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time limit and retries of MLflow's client are short by default; the user's own hold."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "false")
    prepare_mlflow()
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "30"
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "0"
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


@pytest.mark.parametrize("kind", [OperationalError, MlflowException])
def test_no_statement_of_the_database_is_in_the_sentence(
    kind: type[Exception],
) -> None:
    """An error of the database is told by its cause; the SQL that failed stays out of sight."""
    store = Store(Location("postgresql://db.invalid/mlflow"))
    store.__dict__["client"] = None  # nothing is asked of it here
    said = "(psycopg.OperationalError) server closed the connection"
    failed = OperationalError("SELECT secret FROM runs", {}, Exception(said))
    with pytest.raises(StoreUnreachableError) as caught, store.calling("Reading versions"):
        raise failed if kind is OperationalError else MlflowException(str(failed))
    assert said in str(caught.value)
    assert "SELECT" not in str(caught.value)
    assert "Background on this error" not in str(caught.value)
