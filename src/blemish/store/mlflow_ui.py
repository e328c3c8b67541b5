"""The MLflow UI on our store."""

import os
import socket
import sys
from collections.abc import Sequence
from typing import NoReturn

from blemish.errors import StoreError
from blemish.store.connection import Store, prepare_mlflow
from blemish.store.location import locate

_LOCAL = ("localhost", "127.0.0.1", "[::1]")


def exec_ui(host: str, port: int, allowed_hosts: Sequence[str] = ()) -> NoReturn:
    """Become the MLflow UI on the store that everything else here uses.

    Args:
        host: Address to bind.
        port: Port to bind.
        allowed_hosts: Names, beside loopback, by which browsers may call it; MLflow answers 403 to
            others.

    Raises:
        StoreError: The store is a server, which has a UI of its own; or the port is taken.
    """
    location = locate()
    if location.is_server:
        raise StoreError(f"The store is a server with its own UI. Open {location}")
    _require_free(host, port)
    prepare_mlflow()
    Store(location).open()
    # Else MLflow starts nine processes (0.7 GB) for jobs on language models, of which there is none
    # here; each of them would answer Ctrl-C by a traceback.
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", location.uri]
    if location.artifacts:
        command += ["--default-artifact-root", location.artifacts]
    if allowed_hosts:
        command += _allow(allowed_hosts, port)
    os.execv(sys.executable, [*command, "--host", host, "--port", str(port), "--workers", "1"])  # noqa: S606 - our own program


def _allow(names: Sequence[str], port: int) -> list[str]:
    """Return MLflow's options for hosts and for the origins of the pages that they serve."""
    hosts = [form for name in (*_LOCAL, *names) for form in (name, f"{name}:{port}")]
    origins = [f"{scheme}://{host}" for host in hosts for scheme in ("http", "https")]
    return ["--allowed-hosts", ",".join(hosts), "--cors-allowed-origins", ",".join(origins)]


def _require_free(host: str, port: int) -> None:
    """Refuse a port that cannot be bound: MLflow itself would end without an error.

    Raises:
        StoreError: It is taken, or the address is not one of this host.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StoreError(
                f"The MLflow UI cannot listen at {host}:{port}: {error.strerror or error}. Choose "
                "another port: blemish ui --port 5001"
            ) from error
