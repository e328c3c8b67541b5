"""Recording to an MLflow server in place of the embedded store."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from blemish.config import Workspace
from blemish.recording import sync
from blemish.recording.pipeline_outputs import model_path
from blemish.registry import Registry


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a real MLflow server on loopback."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--workers", "1"]
    options = ["--backend-store-uri", f"sqlite:///{folder}/server.db", "--port", str(port)]
    artifacts = ["--artifacts-destination", str(folder / "artifacts")]
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"}
    environment.pop("MLFLOW_TRACKING_URI", None)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*program, *options, *artifacts],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, process, folder / "log")
        yield address
    finally:
        os.killpg(process.pid, 15)
        process.wait()


def _wait_for(address: str, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{address}/health").text == "OK":
                # Its first real answer opens the database and may take long on a busy machine.
                search = f"{address}/api/2.0/mlflow/experiments/search"
                httpx.post(search, json={"max_results": 1}, timeout=60).raise_for_status()
                return
        except httpx.TransportError:
            time.sleep(0.3)
    raise AssertionError(log.read_text())


def test_a_server_takes_the_place_of_the_embedded_store(
    workspace: Workspace, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against an MLflow server everything is recorded there, verified, and nothing here."""
    (workspace.root / "mlflow.db").unlink()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    report = sync.record_workspace(workspace)
    assert report.versions == {"fp32": 1, "int8": 2}
    assert not sync.record_workspace(workspace).changed
    assert not (workspace.root / "mlflow.db").exists()
    assert not (workspace.root / "mlartifacts").exists()
    registry = Registry.connect()
    champion = registry.resolve("champion")
    assert registry.stored_bytes(champion) == model_path(workspace, "fp32").read_bytes()
    assert len(registry.test_images(champion)) == len(registry.results(champion)) == 24
    assert [move.why for move in registry.history()] == ["first"]
