"""One ordinary client cannot stop the server: what did, each once, against a real process."""

import contextlib
import socket
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest
from faulty_images import encode
from integration.server.rig import Server, Shelf, raw_request, serving
from integration.server.tiny_models import nan_on_white, slow_on_white, tiny_model

from blemish.doctor import examine
from blemish.server.connections import DRAINED, HEAD_S

WHITE = np.full((64, 64), 255, np.uint8)


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), 30)


def test_silent_connections_give_way(shelf: Shelf, tmp_path: Path, image: bytes) -> None:
    """With more silent and half-sent connections than descriptors all is answered; they end.

    The last ones, which take every place that there is, lack only the end of a body.
    """
    head = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nab"
    with serving(tmp_path, shelf.uri, descriptors=256, serve={"body_s": 8.0}) as server:
        idle = [connect(server) for _ in range(400)]
        for number, connection in enumerate(idle[200:]):
            with contextlib.suppress(ConnectionError):
                connection.sendall(b"GET /livez HTTP/1.1\r\nHost: local" if number < 100 else head)
        begin = time.monotonic()
        for _ in range(30):
            answer = raw_request(server.url, b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", 1.0)
            assert answer.startswith(b"HTTP/1.1 200")
        assert not any(line["event"] == "connection_not_accepted" for line in server.log)
        assert httpx.post(f"{server.url}/v1/predict", content=image).status_code == 200
        assert len(server.log) < 200
        time.sleep(max(0.0, HEAD_S + 2.0 - (time.monotonic() - begin)))
        assert server.descriptors < 160
        for connection in idle:
            connection.settimeout(1.0)
            with contextlib.suppress(ConnectionResetError):
                while connection.recv(65536):
                    pass
            connection.close()


def test_a_body_after_its_refusal_is_not_read_for_ever(shelf: Shelf, tmp_path: Path) -> None:
    """After a 401 at most so much of the body is taken, then the connection ends."""
    from blemish.server.api_keys import KeyFile

    KeyFile(tmp_path / "keys.json").add("line")
    assert (tmp_path / "keys.json").stat().st_mode & 0o077 == 0
    with serving(tmp_path, shelf.uri) as server:
        with connect(server) as connection:
            connection.sendall(
                b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 30000000\r\n\r\n"
            )
            assert connection.recv(65536).startswith(b"HTTP/1.1 401")
            sent = 0
            with contextlib.suppress(ConnectionError):
                while sent < 30_000_000:
                    sent += connection.send(bytes(DRAINED))
            assert sent < 20_000_000  # what the buffers of both systems hold
        (tmp_path / "keys.json").unlink()
        assert server.client.get("/v1/models").status_code == 401
        assert "has vanished" in server.ready()["keys"]


def test_what_is_kept_is_its_owners_alone(server: Server, image: bytes) -> None:
    """Nobody else reads the log or the images in it."""
    assert server.predict(image).status_code == 200
    server.wait(lambda: list((server.folder / "pictures").rglob("?" * 64)))
    kept = [server.folder / "predictions.db", *(server.folder / "pictures").rglob("*")]
    assert [path for path in kept if path.stat().st_mode & 0o077] == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "attacker.example"}, 421),
        ({"host": "attacker.example:8000"}, 421),
        ({"host": "localhost:1"}, 200),
        ({"host": "[::1]:1"}, 200),
        ({"origin": "https://attacker.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost:3000", "host": "localhost:8000"}, 403),
        ({"origin": "http://localhost:8000", "host": "localhost:8000"}, 200),
    ],
)
def test_pages_of_others_may_not_ask(server: Server, headers: dict[str, str], status: int) -> None:
    """Another Host is a 421, the page of another origin a 403; health answers to any name."""
    assert server.client.get("/v1/models", headers=headers).status_code == status
    assert server.client.get("/livez", headers=headers).status_code == 200


def test_lengths_that_disagree_are_refused(server: Server) -> None:
    """Content-Length together with Transfer-Encoding is a 400."""
    head = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
    answer = raw_request(server.url, head + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 3.0)
    assert answer.startswith(b"HTTP/1.1 400")


def test_what_clients_invent_makes_no_label(server: Server) -> None:
    """A hundred invented methods are one label, and a long path a short line of the log."""
    for number in range(100):
        server.client.request(f"METHOD{number}", "/livez")
    text = server.client.get("/metrics").text
    assert "METHOD7" not in text
    assert 'method="other"' in text
    server.client.get("/" + "x" * 5_000)
    server.wait(lambda: any(str(line.get("path", "")).startswith("/xxx") for line in server.log))
    assert all(len(str(line.get("path", ""))) <= 256 for line in server.log)


def test_long_headers_stop_nothing(server: Server) -> None:
    """A Content-Type of megabytes of quotes and an odd charset of a file name cost no time."""
    begin = time.monotonic()
    kind = "multipart/form-data; boundary=x; " + '"' * 14_000
    assert server.client.post("/v1/predict", headers={"content-type": kind}).status_code == 400
    body = (
        b"--X\r\nContent-Disposition: form-data; name=\"file\"; filename*=odd''%ff%fe\r\n\r\n"
        b"x\r\n--X--\r\n"
    )
    headers = {"content-type": "multipart/form-data; boundary=X; charset=utf-16"}
    assert server.client.post("/v1/predict", content=body, headers=headers).status_code in (
        415,
        422,
    )
    assert time.monotonic() - begin < 2.0


@pytest.mark.parametrize("model", [nan_on_white, slow_on_white])
def test_a_champion_that_fails_its_requests_is_withdrawn(
    own_shelf: Shelf,
    tmp_path: Path,
    image: bytes,
    model: Callable[[], bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Answers that are no probabilities and endless runs are faults; then the last good answers."""
    # On a busy host the deadline may come before the run of the graph has ended.
    slow = {(504, "model-slow"), (504, "deadline")}
    expected = {(500, "model-output")} if model is nan_on_white else slow
    with serving(tmp_path, own_shelf.uri, serve={"deadline_s": 2.0, "parallel": 1}) as server:
        own_shelf.add(model())
        own_shelf.point("champion", 2)
        server.wait_for_version(2, 60)
        assert server.predict(image).status_code == 200
        for _ in range(3):
            answer = server.predict(encode(WHITE))
            kind = answer.json()["type"].rpartition(":")[2]
            assert (answer.status_code, kind) in expected
        server.wait_for_version(1)
        answer = server.predict(encode(WHITE))
        assert (answer.status_code, answer.json()["model"]["version"]) == (200, 1)
        fault = server.ready()["fault"]
        assert fault["version"] == 2
        assert "version 1 answers until the champion changes" in fault["reason"]
        monkeypatch.setenv("BLEMISH_API_URL", server.url)
        (told,) = examine(only=["server"])
        assert fault["reason"] in told.findings[0].problem
        assert server.metric("blemish_model_faults_total") == 3
        time.sleep(1.0)
        assert server.ready()["model"]["version"] == 1
        own_shelf.add(tiny_model(level=120.0))
        own_shelf.point("champion", 3)
        server.wait_for_version(3, 60)
        assert server.ready()["fault"] is None


def test_a_prefix_of_a_proxy_and_its_clients(shelf: Shelf, tmp_path: Path) -> None:
    """Behind a proxy keys are wanted on loopback too, metrics included; /docs knows the prefix."""
    from blemish.server.api_keys import KeyFile

    key = KeyFile(tmp_path / "keys.json").add("line")
    options = ("--root-path", "/inspection", "--trusted-proxy", "127.0.0.1")
    with serving(tmp_path, shelf.uri, *options, "--allowed-host", "line.example") as server:
        headers = {"host": "line.example", "x-forwarded-for": "203.0.113.9"}
        for path in ("/metrics", "/v1/models"):
            assert server.client.get(path, headers=headers).status_code == 401
        headers["authorization"] = f"Bearer {key}"
        assert server.client.get("/metrics", headers=headers).status_code == 200
        page = server.client.get("/docs", headers=headers).text
        assert "/inspection/openapi.json" in page
        assert server.client.get("/readyz").status_code == 200
