"""Minutes of load on a real server, while its registry moves, breaks or goes away."""

import base64
import concurrent.futures
import io
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import numpy as np
import pytest
from drills.clients import Clients
from faulty_images import encode
from integration.server.rig import Shelf, serving
from integration.server.tiny_models import tiny_model
from PIL import Image

from blemish.inference import Segmenter, golden_image

pytestmark = pytest.mark.drill

OUTAGE_S = 75
RATE = 50


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep verified files out of the person's own cache."""
    monkeypatch.setenv("BLEMISH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def image() -> bytes:
    """A good image."""
    return encode(golden_image(256))


def test_twenty_promotions_in_a_minute(tmp_path: Path, image: bytes) -> None:
    """20 promotions in 60 s under 16 clients: every answer is a 200 and its version's own mask."""
    shelf = Shelf(tmp_path)
    files = {shelf.add(data): data for data in (tiny_model(level=60.0 + 20 * i) for i in range(4))}
    shelf.point("champion", 1)
    begin = time.monotonic()
    with (
        serving(tmp_path, shelf.uri) as server,
        Clients(server.url, 16, [image], include="mask") as clients,
    ):
        for turn in range(20):
            number = turn % 4 + 1
            shelf.point("champion", number)
            server.wait_for_version(number, 5.0)
            time.sleep(max(0.0, begin + 3.0 * (turn + 1) - time.monotonic()))
    assert clients.faults == []
    assert set(clients.statuses) == {200}
    assert set(clients.masks) == set(files)
    for number, masks in clients.masks.items():
        expected = Segmenter.from_bytes(files[number]).predict(golden_image(256)).mask
        (only,) = masks
        found = np.asarray(Image.open(io.BytesIO(base64.b64decode(only)))) > 0
        np.testing.assert_array_equal(found, expected)


def test_memory_stays_flat(tmp_path: Path) -> None:
    """10,000 requests of all sizes and 200 swaps: the second half grows by less than 50 MB."""
    shelf = Shelf(tmp_path)
    for level in (80.0, 120.0):
        shelf.add(tiny_model(level=level))
    shelf.point("champion", 1)
    rng = np.random.default_rng(0)
    shapes = rng.integers(1, 700, (50, 2))
    surface = golden_image(700)  # noise would be a thousand defects to measure in each
    images = [encode(surface[:height, :width]) for height, width in shapes]
    # Resident megabytes, descriptors and threads after each tenth.
    readings: list[tuple[float, int, int]] = []
    with serving(tmp_path, shelf.uri, serve={"poll_s": 0.1, "queue": 1000}) as server:
        client = httpx.Client(base_url=server.url, timeout=60)

        def ask(turn: int) -> int:
            return client.post("/v1/predict", content=images[turn % len(images)]).status_code

        with client, concurrent.futures.ThreadPoolExecutor(8) as pool:
            for swap in range(200):
                shelf.point("champion", swap % 2 + 1)
                statuses = Counter(pool.map(ask, range(swap * 50, swap * 50 + 50)))
                assert statuses == {200: 50}
                server.wait_for_version(swap % 2 + 1)
                if swap % 20 == 19:
                    readings.append((server.memory_mb, server.descriptors, server.threads))
        assert server.metric("blemish_model_swaps_total") >= 200
    half = readings[len(readings) // 2 - 1]
    assert readings[-1][0] - half[0] < 50, readings
    assert abs(readings[-1][1] - half[1]) <= 10
    assert abs(readings[-1][2] - half[2]) <= 4


def test_sixteen_threads_answer_as_one(tmp_path: Path) -> None:
    """16 threads x 100 images get byte for byte what one client got."""
    shelf = Shelf(tmp_path)
    shelf.add(tiny_model())
    shelf.point("champion", 1)
    rng = np.random.default_rng(1)
    images = [
        encode(rng.integers(0, 256, rng.integers(1, 600, 2), dtype=np.uint8)) for _ in range(100)
    ]
    with serving(tmp_path, shelf.uri, serve={"queue": 1000}) as server:

        def ask(data: bytes) -> tuple[object, ...]:
            answer = server.predict(data, include="mask,heatmap,overlay").json()
            return tuple(
                answer[key] for key in ("defects", "mask_png", "heatmap_png", "overlay_png")
            )

        serial = [ask(data) for data in images]
        order = list(range(100)) * 16
        rng.shuffle(order)
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            together = list(pool.map(lambda i: ask(images[i]), order))
    assert together == [serial[i] for i in order]


@contextmanager
def refused(port: int) -> Iterator[None]:
    """Nothing listens."""
    del port
    yield


@contextmanager
def hung(port: int) -> Iterator[None]:
    """Connections are taken and never answered."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(1000)
        yield


@contextmanager
def answering(port: int, status: int) -> Iterator[None]:
    """Something else answers there, in HTML."""

    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<html>Hello</html>")

        do_POST = do_GET  # noqa: N815 - the base class names them so

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", port), Stranger) as listener:
        thread = threading.Thread(target=listener.serve_forever)
        thread.start()
        yield
        listener.shutdown()
        thread.join()


OUTAGES: dict[str, Callable[[int], AbstractContextManager[None]]] = {
    "refused": refused,
    "hung": hung,
    "html": lambda port: answering(port, 200),
    "500": lambda port: answering(port, 500),
}


@pytest.mark.parametrize("outage", OUTAGES)
def test_the_tracking_server_goes_away(tmp_path: Path, image: bytes, outage: str) -> None:
    """With the tracking server refused, hung, or another, nothing fails; staleness rises."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    uri = f"http://127.0.0.1:{port}"
    store = [f"sqlite:///{tmp_path / 'server.db'}", (tmp_path / "served").as_uri()]
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store[0]]
    command += ["--artifacts-destination", store[1], "--port", str(port), "--workers", "1"]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    tracking = subprocess.Popen(command, start_new_session=True, **silent)
    try:
        _wait_healthy(uri)
        shelf = Shelf(tmp_path, uri=uri)
        shelf.add(tiny_model())
        shelf.point("champion", 1)
        with serving(tmp_path, uri) as server:
            _end(tracking)
            with (
                OUTAGES[outage](port),
                Clients(server.url, 5, [image], include="mask", pause=5 / RATE) as clients,
            ):
                server.wait(lambda: server.ready()["registry"]["error"] is not None, 20)
                time.sleep(OUTAGE_S)
                stale = server.metric("blemish_registry_stale_seconds")
                threads = server.threads
            assert clients.faults == []
            assert set(clients.statuses) == {200}
            assert stale > OUTAGE_S
            assert threads < 60
        with OUTAGES[outage](port):
            begin = time.monotonic()
            with serving(tmp_path / "cold", uri) as server:
                assert time.monotonic() - begin < 10.0
                assert server.predict(image).status_code == 200
    finally:
        _end(tracking)


def _wait_healthy(uri: str) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            if httpx.get(f"{uri}/health").text == "OK":
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError("the tracking server does not start")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the tracking server and its workers, and wait for the last of them."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    end = time.monotonic() + 10
    with suppress(ProcessLookupError):
        while time.monotonic() < end:
            os.killpg(process.pid, 0)
            time.sleep(0.05)
