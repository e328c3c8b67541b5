"""Load, deadlines, clients that leave, and the end of a server."""

import concurrent.futures
import contextlib
import http.client
import json
import signal
import socket
import sqlite3
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from faulty_images import encode
from integration.server.rig import Server, Shelf, serving
from integration.server.tiny_models import tiny_model

from blemish.inference import Segmenter, golden_image
from blemish.server.workers import YOUNG_S

PARALLEL, QUEUE = 2, 6


@pytest.fixture(scope="module")
def slow_shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """A registry whose champion takes more than a second an image."""
    shelf = Shelf(tmp_path_factory.mktemp("slow"))
    turns = 4
    while True:
        data = tiny_model(turns=turns)
        segmenter = Segmenter.from_bytes(data, threads=1)
        begin = time.perf_counter()
        segmenter.check()
        if time.perf_counter() - begin > 1.5:
            break
        turns *= 2
    shelf.add(data)
    shelf.point("champion", 1)
    return shelf


@pytest.fixture
def slow(slow_shelf: Shelf, tmp_path: Path) -> Iterator[Server]:
    """A server that is quickly overloaded."""
    limits = {"parallel": PARALLEL, "queue": QUEUE, "deadline_s": 60.0, "drain_s": 1.0}
    with serving(tmp_path, slow_shelf.uri, serve=limits) as server:
        yield server


def address_of(server: Server) -> tuple[str, int]:
    return "127.0.0.1", int(server.url.rpartition(":")[2])


def request_of(image: bytes) -> bytes:
    head = f"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(image)}\r\n\r\n"
    return head.encode() + image


def read_answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    with connection:
        response = http.client.HTTPResponse(connection)
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return response.status, headers, response.read()


def test_beyond_workers_and_queue_all_are_told_to_come_again(slow: Server, image: bytes) -> None:
    """Of 200 requests at once exactly workers + queue are answered; livez stays fast meanwhile."""
    latencies: list[float] = []
    ending = threading.Event()

    def look() -> None:
        with httpx.Client(base_url=slow.url) as client:
            while not ending.is_set():
                begin = time.perf_counter()
                assert client.get("/livez").status_code == 200
                latencies.append(time.perf_counter() - begin)
                time.sleep(0.005)

    # All are connected before the first byte goes out, so that they truly come at once.
    connections = [socket.create_connection(address_of(slow), 120) for _ in range(200)]
    watcher = threading.Thread(target=look)
    watcher.start()
    for connection in connections:
        connection.sendall(request_of(image))
    answers = [read_answer(connection) for connection in connections]
    ending.set()
    watcher.join()
    counts = Counter(status for status, _, _ in answers)
    assert counts == {200: PARALLEL + QUEUE, 503: 200 - PARALLEL - QUEUE}
    for status, headers, body in answers:
        if status == 503:
            assert json.loads(body)["type"].endswith(":busy")
            assert 1 <= int(headers["retry-after"]) <= 120
    assert statistics.quantiles(latencies, n=100)[98] < 0.1
    assert slow.predict(image).status_code == 200


def test_an_old_request_never_reaches_the_model(
    slow_shelf: Shelf, tmp_path: Path, image: bytes
) -> None:
    """What waits beyond the deadline is a 504, and the model has seen only what began in time."""
    with serving(tmp_path / "patient", slow_shelf.uri, serve={"parallel": 1}) as server:
        answers = [server.predict(image) for _ in range(2)]
    assert {answer.status_code for answer in answers} == {200}
    one = min(answer.elapsed.total_seconds() for answer in answers)
    limits = {"parallel": 1, "queue": 20, "deadline_s": 2 * one}
    with serving(tmp_path, slow_shelf.uri, serve=limits) as server:
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            statuses = [r.status_code for r in pool.map(lambda _: server.predict(image), range(10))]
        assert set(statuses) <= {200, 504}
        assert statuses.count(504) >= 6
        server.wait(lambda: server.metric("blemish_requests_in_work") == 0, 20)
        # Of those that were refused one may have begun in time and ended too late.
        assert server.metric("blemish_images_total") <= min(3, statuses.count(200) + 1)
        # One image may itself take twice as long as `one` on a busy machine.
        server.wait(lambda: server.predict(image).status_code == 200, 60)


def test_clients_that_leave_never_reach_the_model(slow: Server, image: bytes) -> None:
    """Requests whose clients hang up while they wait are dropped, and their places are free."""
    connections = []
    for _ in range(PARALLEL + QUEUE):
        connection = socket.create_connection(address_of(slow))
        connection.sendall(request_of(image))
        connections.append(connection)
    slow.wait(lambda: slow.metric("blemish_requests_waiting") == QUEUE, 20)
    for connection in connections:
        connection.close()
    begin = time.monotonic()
    slow.wait(lambda: slow.metric("blemish_requests_in_work") == 0, 20)
    assert slow.predict(image).status_code == 200
    assert slow.metric("blemish_images_total") <= 1 + PARALLEL
    assert time.monotonic() - begin < 15


def test_sigterm_answers_all_that_was_accepted(shelf: Shelf, tmp_path: Path, image: bytes) -> None:
    """Under 32 clients SIGTERM turns readyz to 503, loses no request, and the exit is 0."""
    stop = threading.Event()
    statuses: Counter[int] = Counter()
    broken: list[str] = []
    unready = threading.Event()

    def ask(url: str) -> None:
        with httpx.Client(base_url=url, timeout=30) as client:
            while not stop.is_set():
                try:
                    statuses[client.post("/v1/predict", content=image).status_code] += 1
                except httpx.ConnectError:
                    return  # the listener is closed: not accepted
                except httpx.TransportError as error:
                    broken.append(repr(error))
                    return

    def look(url: str) -> None:
        with contextlib.suppress(httpx.TransportError), httpx.Client(base_url=url) as client:
            while not stop.is_set():
                response = client.get("/readyz")
                if response.status_code == 503 and response.json()["status"] == "draining":
                    unready.set()
                time.sleep(0.02)

    with serving(tmp_path, shelf.uri, serve={"drain_s": 2.0}) as server:
        threads = [threading.Thread(target=ask, args=(server.url,)) for _ in range(32)]
        threads.append(threading.Thread(target=look, args=(server.url,)))
        for thread in threads:
            thread.start()
        time.sleep(2.0)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
        stop.set()
        for thread in threads:
            thread.join()
    assert unready.is_set()
    assert set(statuses) == {200}
    assert statuses[200] > 100
    assert broken == []


def test_many_threads_are_answered_as_one(server: Server) -> None:
    """16 threads get, byte for byte, the answers that one client got in turn."""
    rng = np.random.default_rng(0)
    planes = [rng.integers(0, 256, (60 + 40 * i, 300 - 20 * i), dtype=np.uint8) for i in range(12)]
    images = [encode(plane) for plane in [*planes, golden_image(256)]]

    def ask(data: bytes) -> tuple[object, ...]:
        answer = server.predict(data, include="mask,heatmap").json()
        return (answer["defects"], answer["mask_png"], answer["heatmap_png"])

    serial = [ask(data) for data in images]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        together = list(pool.map(ask, images * 8))
    assert together == serial * 8


@pytest.mark.parametrize("harm", ["locked", "gone", "full"])
def test_a_failing_log_costs_no_answer(
    own_shelf: Shelf, tmp_path: Path, image: bytes, harm: str
) -> None:
    """With the log's database locked, gone or full, predictions go on and the loss is counted."""
    database = tmp_path / "predictions.db"
    url = f"sqlite:///{database}"
    if harm == "gone":
        url = f"sqlite:///{tmp_path / 'no' / 'predictions.db'}"
        (tmp_path / "no").write_text("a file where a folder should be")
    if harm == "full":
        url = "sqlite:////dev/full"
    with serving(tmp_path, own_shelf.uri, BLEMISH_LOG_URL=url) as server:
        holder = None
        if harm == "locked":
            server.predict(image)
            server.wait(database.exists)
            time.sleep(1.0)
            holder = sqlite3.connect(database, isolation_level=None)
            holder.execute("BEGIN EXCLUSIVE")
        for _ in range(20):
            begin = time.monotonic()
            assert server.predict(image).status_code == 200
            assert time.monotonic() - begin < 2.0
        server.wait(lambda: server.metric("blemish_log_lost_records") > 0, 20)
        if holder:
            holder.execute("ROLLBACK")
            holder.close()


def test_workers_share_one_view(shelf: Shelf, tmp_path: Path, image: bytes) -> None:
    """Two processes serve on one port, count together, and end together."""
    with serving(tmp_path, shelf.uri, "--workers", "2") as server:
        for _ in range(40):
            assert httpx.post(f"{server.url}/v1/predict", content=image).status_code == 200
        server.wait(lambda: server.metric("blemish_images_total") == 40)
        assert server.stop() == 0


def test_a_dead_worker_is_replaced(shelf: Shelf, tmp_path: Path, image: bytes) -> None:
    """A worker that is killed once it has served a while comes back; none outlives the server."""
    import psutil

    with serving(tmp_path, shelf.uri, "--workers", "2") as server:
        parent = psutil.Process(server.pid)

        def workers() -> list[psutil.Process]:
            alive = [child for child in parent.children() if child.status() != "zombie"]
            return [child for child in alive if "spawn_main" in " ".join(child.cmdline())]

        server.wait(lambda: len(workers()) == 2)
        first = workers()[0]
        server.wait(lambda: time.time() - first.create_time() > YOUNG_S + 1, 20)
        first.kill()
        server.wait(lambda: len(workers()) == 2 and first not in workers(), 20)
        assert httpx.post(f"{server.url}/v1/predict", content=image, timeout=20).is_success
        remaining = workers()
        server.process.kill()
        server.process.wait()
        server.wait(lambda: not any(p.is_running() and p.status() != "zombie" for p in remaining))
