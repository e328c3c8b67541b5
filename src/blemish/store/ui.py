"""The MLflow UI on our store."""

import os
import sys
from typing import NoReturn

from blemish.errors import StoreError
from blemish.store.connection import prepare_mlflow
from blemish.store.location import locate


def exec_ui(host: str, port: int) -> NoReturn:
    """Become the MLflow UI on the store that everything else here uses.

    Args:
        host: Address to bind.
        port: Port to bind.

    Raises:
        StoreError: The store is a server, which has a UI of its own.
    """
    location = locate()
    if location.is_server:
        raise StoreError(f"The store is a server with its own UI. Open {location}")
    prepare_mlflow()
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", location.uri]
    if location.artifacts:
        command += ["--default-artifact-root", location.artifacts]
    os.execv(sys.executable, [*command, "--host", host, "--port", str(port), "--workers", "1"])  # noqa: S606 - our own program
