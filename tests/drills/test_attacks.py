"""``/livez`` and good requests under the attacks that once stopped the server; and memory."""

import concurrent.futures
import contextlib
import json
import socket
import statistics
import subprocess
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx
import numpy as np
import pytest
from faulty_images import CASES, chunk, encode, scans
from integration.server.rig import Server, Shelf, serving
from integration.server.tiny_models import tiny_model
from PIL import Image

from blemish.inference import golden_image

pytestmark = pytest.mark.drill

# A process of its own, so that what makes the attack does not slow what measures.
_PROBE = """
import http.client, json, select, sys, time
times = []
while not select.select([sys.stdin], [], [], 0.02)[0]:
    begin = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=30)
    connection.request("GET", "/livez")
    status = connection.getresponse().status
    connection.close()
    times.append(time.perf_counter() - begin if status == 200 else 30.0)
print(json.dumps(times))
"""


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of the usual limits, with 1,024 descriptors, which all attacks share."""
    folder = tmp_path_factory.mktemp("attacked")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BLEMISH_CACHE", str(folder / "cache"))
        shelf = Shelf(folder)
        shelf.add(tiny_model())
        shelf.point("champion", 1)
        with serving(folder, shelf.uri, descriptors=1024) as server:
            yield server


@dataclass
class Watch:
    """What /livez and good requests met during an attack."""

    server: Server
    image: bytes
    livez: list[float] = field(default_factory=list)
    good: list[tuple[int, float]] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        port = self.server.url.rpartition(":")[2]
        self._probe = subprocess.Popen(
            [sys.executable, "-c", _PROBE, port], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        out, _ = self._probe.communicate(b"\n", timeout=60)
        self.livez = json.loads(out)

    def _ask(self) -> None:
        while not self._stop.wait(0.3):
            begin = time.perf_counter()
            response = httpx.post(f"{self.server.url}/v1/predict", content=self.image, timeout=60)
            self.good.append((response.status_code, time.perf_counter() - begin))

    @property
    def p99(self) -> float:
        return statistics.quantiles(self.livez, n=100)[98]


def post(server: Server, path: str, body: bytes, **headers: str) -> int:
    return httpx.post(f"{server.url}{path}", content=body, headers=headers, timeout=120).status_code


def many(count: int, task: Callable[[], int]) -> Counter[int]:
    """Do a task in so many threads at once."""
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return Counter(future.result() for future in [pool.submit(task) for _ in range(count)])


def content_type(server: Server) -> None:
    """A Content-Type of 14 KB, over and over: a longer one fits in no head."""
    kind = 'multipart/form-data; a="' + ";" * 14_000
    for _ in range(200):
        assert post(server, "/v1/predict", b"x", **{"content-type": kind}) == 400


def strings_in_tensors(server: Server) -> None:
    """130 KB of strings that NumPy would make gigabytes of, and strings beside a list."""
    row = "[" + ",".join(["1"] * 65_536) + "]"
    for data in (["x" * 100_000, *["y"] * 7_500], [row, "x" * 20_000, *["y"] * 5_000]):
        tensor = {"name": "image", "datatype": "UINT8", "shape": [1, 1, 256, 256], "data": data}
        body = json.dumps({"inputs": [tensor]}).encode()
        for _ in range(20):
            assert post(server, "/v2/models/blemish/infer", body) in (400, 413)


def large_tensors(server: Server) -> None:
    """Bodies of 16 MB of JSON numbers, four at once, whose answers are as large."""
    numbers = ",".join(["200"] * 4_194_304)
    body = (
        '{"inputs":[{"name":"image","datatype":"UINT8","shape":[1,1,2048,2048],"data":['
        f"{numbers}]}}]}}"
    ).encode()
    assert set(many(4, lambda: post(server, "/v2/models/blemish/infer", body))) <= {200, 504}


def repeated_scans(server: Server) -> None:
    """A progressive JPEG of 50 megapixels whose last scan comes 800 times, and within the limit."""
    for count, accepted in ((800, {422}), (20, {200, 504})):
        bomb = scans(count, (7000, 7100))
        assert set(many(3, lambda bomb=bomb: post(server, "/v1/predict", bomb))) <= accepted


def tiffs_of_bombs(server: Server) -> None:
    """TIFFs whose tags share millions of values, or whose tiles hold far more than the image."""
    for name in CASES:
        if name.startswith("TIFF of a million") or name.endswith(("a bomb", "than they say")):
            bomb = CASES[name][1]()
            assert set(many(4, lambda bomb=bomb: post(server, "/v1/predict", bomb))) <= {413, 422}


def text_chunks(server: Server) -> None:
    """A PNG with 7,000 compressed texts, each of which unpacks to 64 KB."""
    sound = encode(golden_image(64))
    texts = chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(65_000))) * 7_000
    assert set(many(4, lambda: post(server, "/v1/predict", sound[:33] + texts + sound[33:]))) == {
        422
    }


def invented_methods(server: Server) -> None:
    """3,000 methods that nobody knows, over one connection."""
    with connect(server) as connection:
        for number in range(3_000):
            connection.sendall(b"M%d /livez HTTP/1.1\r\nHost: localhost\r\n\r\n" % number)
            answer = b""
            while not answer.endswith(b"}"):
                answer += connection.recv(65_536)
    assert len(server.client.get("/metrics").text) < 100_000


def idle_connections(server: Server) -> None:
    """1,100 connections that say nothing, then with half a head, then with half a body."""
    begun = (
        b"",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\n",
        b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nab",
    )
    lines = len(server.log)
    for said in begun:
        with contextlib.ExitStack() as held:
            for _ in range(1_100):
                connection = held.enter_context(connect(server))
                with contextlib.suppress(ConnectionError):
                    connection.sendall(said)
            time.sleep(12.0)
    assert len(server.log) - lines < 1_500


def large_images(server: Server) -> None:
    """Eight images of 50 megapixels at once."""
    plane = np.tile(golden_image(1000), (7, 7))
    data = encode(plane)
    statuses = many(8, lambda: post(server, "/v1/predict", data))
    assert set(statuses) <= {200, 504}


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), 30)


ATTACKS = (
    content_type,
    strings_in_tensors,
    large_tensors,
    repeated_scans,
    tiffs_of_bombs,
    text_chunks,
    invented_methods,
    idle_connections,
    large_images,
)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_health_and_good_requests_are_answered(
    attacked: Server, attack: Callable[[Server], None]
) -> None:
    """The 99th percentile of /livez stays below 100 ms, and each good request is a 200 in time."""
    image = encode(golden_image(256))
    with Watch(attacked, image) as watch:
        time.sleep(2.0)
        attack(attacked)
        time.sleep(1.0)
    statuses = Counter(status for status, _ in watch.good)
    print(
        f"{attack.__name__}: /livez p99 {watch.p99 * 1e3:.0f} ms, worst "
        f"{max(watch.livez) * 1e3:.0f} ms of {len(watch.livez)}; good requests {dict(statuses)}, "
        f"slowest {max(spent for _, spent in watch.good):.2f} s; "
        f"memory {attacked.memory_mb:.0f} MB"
    )
    assert set(statuses) == {200}
    assert watch.p99 < 0.1


@pytest.mark.timeout(600)
def test_memory_returns_after_mixed_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After images of all sizes and large tensors from eight clients it is within 150 MB."""
    monkeypatch.setenv("BLEMISH_CACHE", str(tmp_path / "cache"))
    shelf = Shelf(tmp_path)
    shelf.add(tiny_model())
    shelf.point("champion", 1)
    rng = np.random.default_rng(5)
    surface = np.tile(golden_image(1000), (7, 7))
    images = [encode(surface[:side, :side]) for side in (64, 700, 2000, 4000, 7000)]
    images.append(encode(Image.fromarray(surface[:3000, :3000]).convert("RGB"), "JPEG"))
    images.append(encode(surface[:3000, :3000].astype(np.uint16) << 8))
    tensor = {"name": "image", "datatype": "UINT8", "shape": [1, 1, 1024, 1024]}
    body = json.dumps({"inputs": [tensor | {"data": [90] * 1024 * 1024}]}).encode()
    with serving(tmp_path, shelf.uri, serve={"queue": 100, "deadline_s": 120}) as server:
        assert server.predict(images[0]).status_code == 200
        time.sleep(3.0)
        before = server.memory_mb

        def ask(turn: int) -> int:
            if turn % 8 == 7:
                return post(server, "/v2/models/blemish/infer", body)
            query = "?include=mask,heatmap,overlay" if turn % 3 == 0 else ""
            return post(server, f"/v1/predict{query}", images[turn % len(images)])

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            statuses = Counter(pool.map(ask, rng.permutation(80).tolist()))
        peak = server.memory_mb
        time.sleep(5.0)
        after = server.memory_mb
    print(f"memory: {before:.0f} MB before, {peak:.0f} at the end, {after:.0f} after")
    assert set(statuses) <= {200, 504}
    assert after - before < 150
