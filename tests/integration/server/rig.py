"""A registry of models, and a real server process that serves them."""

import contextlib
import json
import os
import resource
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from integration.server.tiny_models import FINGERPRINT, metadata

from blemish.config import settings
from blemish.files import sha256_bytes
from blemish.model_card import ModelCard
from blemish.registry import Registry
from blemish.registry.registration import ModelFile, ensure_registered_model, register
from blemish.store.connection import Store
from blemish.store.location import locate


@dataclass
class Shelf:
    """A registry in a folder."""

    folder: Path
    uri: str = ""
    registry: Registry = field(init=False)
    run: str = field(init=False, default="")

    def __post_init__(self) -> None:
        self.uri = self.uri or f"sqlite:///{self.folder / 'mlflow.db'}"
        store = Store(locate(uri=self.uri))
        if self.uri.startswith("http"):
            _warm_up(store)
        self.registry = Registry(store)
        with store.calling("Making the experiment") as client:
            found = client.get_experiment_by_name("blemish")
            experiment = (
                found.experiment_id
                if found
                else client.create_experiment("blemish", (self.folder / "artifacts").as_uri())
            )
            ensure_registered_model(store)
            self.run = client.create_run(experiment).info.run_id

    def add(self, data: bytes, **tags: str) -> int:
        """Register a model file; return the number of its version."""
        defaults = {
            "precision": "fp32",
            "sha256": sha256_bytes(data),
            "fingerprint": FINGERPRINT,
            "git_commit": "c0ffee",
        }
        model = ModelFile("fp32", data, ModelCard.from_metadata(metadata()))
        return register(self.registry.store, self.run, model, defaults | tags)

    def point(self, alias: str, version: int) -> None:
        """Move an alias."""
        with self.registry.store.calling("Pointing") as client:
            client.set_registered_model_alias("blemish", alias, str(version))

    def delete(self, version: int) -> None:
        """Delete a version, and with it its aliases."""
        with self.registry.store.calling("Deleting") as client:
            client.delete_model_version("blemish", str(version))


def _warm_up(store: Store) -> None:
    """Give a tracking server that has just started more time, since the host may be busy."""
    store.open()
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "60"
    for path in ("experiments/get-by-name?experiment_name=blemish", "registered-models/search"):
        httpx.get(f"{store.location.uri}/api/2.0/mlflow/{path}", timeout=60)


@dataclass
class Server:
    """A server process."""

    process: subprocess.Popen[str]
    url: str
    folder: Path
    log: list[dict[str, Any]]
    client: httpx.Client

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def memory_mb(self) -> float:
        return _status(self.pid, "VmRSS") / 1024

    @property
    def threads(self) -> int:
        return _status(self.pid, "Threads")

    @property
    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def predict(self, data: bytes, **query: Any) -> httpx.Response:
        return self.client.post(
            "/v1/predict", content=data, params=query, headers={"content-type": "image/png"}
        )

    def ready(self) -> dict[str, Any]:
        return dict(self.client.get("/readyz").json())

    def metric(self, name: str) -> float:
        """Sum of a metric over its labels."""
        lines = self.client.get("/metrics").text.splitlines()
        return sum(
            float(line.rpartition(" ")[2])
            for line in lines
            if line.split("{")[0].split(" ")[0] == name
        )

    def logged(self, column: str, answer: httpx.Response) -> Any:
        """Wait for the row of an answer in the prediction log, and return one of its columns."""
        query = f"SELECT {column} FROM predictions WHERE request_id = ?"  # noqa: S608 - our own
        rows: list[tuple[Any]] = []

        def found() -> bool:
            # The log opens its file before it has made all tables and columns.
            database = sqlite3.connect(self.folder / "predictions.db")
            with database as log, contextlib.suppress(sqlite3.OperationalError):
                rows.extend(log.execute(query, [answer.headers["x-request-id"]]))
            return bool(rows)

        self.wait(found)
        ((value,),) = rows
        return value

    def wait_for_version(self, version: int, seconds: float = 10.0) -> None:
        self.wait(lambda: (self.ready()["model"] or {}).get("version") == version, seconds)

    def wait(self, done: Any, seconds: float = 10.0) -> None:
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, f"not within {seconds} s; last log: {self.log[-5:]}"
            time.sleep(0.05)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.client.close()
        self.process.send_signal(number)
        return self.process.wait(30)


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise LookupError(name)


@contextlib.contextmanager
def serving(
    folder: Path,
    uri: str,
    *options: str,
    serve: Mapping[str, Any] | None = None,
    wait_ready: bool = True,
    descriptors: int | None = None,
    verify: ssl.SSLContext | bool = True,
    **environment: str,
) -> Iterator[Server]:
    """Run ``blemish serve`` until the block ends.

    Args:
        folder: Where its key file, log database and cache lie.
        uri: Of the store.
        options: More of the command line.
        serve: Changes to the serve block.
        descriptors: Limit of the process, as ``ulimit -n`` sets it.
        wait_ready: Wait for a model, not only for a socket.
        verify: What to trust, for a server that speaks TLS.
        environment: More variables.
    """
    workspace = make_workspace(folder, serve or {})
    variables = {
        **{key: os.environ[key] for key in os.environ if key != "MLFLOW_HTTP_REQUEST_TIMEOUT"},
        "MLFLOW_TRACKING_URI": uri,
        "BLEMISH_CACHE": str(settings().cache),
        "BLEMISH_KEYS_FILE": str(folder / "keys.json"),
        "BLEMISH_LOG_URL": f"sqlite:///{folder / 'predictions.db'}",
        "BLEMISH_LOG_IMAGES": str(folder / "pictures"),
        **environment,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "blemish", "serve", "--port", "0", *options],
        cwd=workspace,
        env=variables,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=None if descriptors is None else partial(_limit, descriptors),  # noqa: PLW1509
    )
    log: list[dict[str, Any]] = []
    reader = threading.Thread(target=_read_log, args=(process, log), daemon=True)
    reader.start()
    try:
        url = _wait_url(process, log)
        with httpx.Client(base_url=url, timeout=60, verify=verify) as client:
            server = Server(process, url, folder, log, client)
            server.wait(lambda: _answers(client), 60)
            if wait_ready:
                server.wait(lambda: client.get("/readyz").status_code == 200, 60)
            yield server
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        reader.join(5)
        assert process.stderr
        process.stderr.close()


def _limit(descriptors: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))


def make_workspace(folder: Path, serve: Mapping[str, Any]) -> Path:
    """Make the least that counts as a checkout, with a serve block of its own."""
    import yaml

    workspace = folder / "workspace"
    (workspace / "src" / "blemish").mkdir(parents=True, exist_ok=True)
    repository = Path(__file__).resolve().parents[3]
    (workspace / "dvc.yaml").write_bytes((repository / "dvc.yaml").read_bytes())
    params = yaml.safe_load((repository / "params.yaml").read_text())
    params["serve"] |= {"poll_s": 0.2, "drain_s": 0.3, **serve}
    (workspace / "params.yaml").write_text(yaml.safe_dump(params))
    return workspace


def _read_log(process: "subprocess.Popen[str]", log: list[dict[str, Any]]) -> None:
    assert process.stderr
    for line in process.stderr:
        try:
            log.append(json.loads(line))
        except ValueError:
            log.append({"event": "unreadable", "line": line.rstrip()})


def _wait_url(process: "subprocess.Popen[str]", log: list[dict[str, Any]]) -> str:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for line in list(log):
            if line.get("event") == "listening":
                address = str(line["url"]).replace("0.0.0.0", "127.0.0.1")
                return address.replace("https://127.0.0.1", "https://localhost")
        assert process.poll() is None, f"the server ended with {process.returncode}: {log}"
        time.sleep(0.02)
    raise AssertionError(f"no address in the log: {log}")


def _answers(client: httpx.Client) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return client.get("/livez").status_code == 200
    return False


def raw_request(url: str, data: bytes, seconds: float = 10.0) -> bytes:
    """Send bytes to a server as they are, and return what it answers until it is silent."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=seconds) as connection:
        connection.sendall(data)
        answer = b""
        with contextlib.suppress(TimeoutError):
            connection.settimeout(seconds)
            while chunk := connection.recv(65536):
                answer += chunk
                if _is_whole(answer):
                    break
        return answer


def _is_whole(answer: bytes) -> bool:
    head, separator, body = answer.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return bool(separator) and len(body) >= int(line.split(b":")[1])
    return False
