"""The MLflow UI: a port that is taken is said, hosts are allowed by name."""

import os
import socket
from pathlib import Path

import pytest

from blemish.errors import StoreError
from blemish.store import mlflow_ui


def test_a_port_that_is_taken_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is started, and the sentence names another port."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StoreError, match=f"127.0.0.1:{port}.*--port 5001"):
            mlflow_ui.exec_ui("127.0.0.1", port)
    assert list(tmp_path.iterdir()) == []


def test_a_host_is_allowed_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow is told the name with and without the port, beside loopback."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.delenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", raising=False)
    started: list[list[str]] = []

    class StartedError(Exception):
        pass

    def execv(_: str, command: list[str]) -> None:
        started.append(command)
        raise StartedError

    monkeypatch.setattr(mlflow_ui.os, "execv", execv)
    monkeypatch.setattr(mlflow_ui, "Store", lambda _: type("S", (), {"open": lambda _: None})())
    with pytest.raises(StartedError):
        mlflow_ui.exec_ui("127.0.0.1", 0, ["inspection.example.com"])
    (command,) = started
    hosts = command[command.index("--allowed-hosts") + 1].split(",")
    assert {"inspection.example.com", "inspection.example.com:0", "localhost"} <= set(hosts)
    assert os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"  # nine processes less
