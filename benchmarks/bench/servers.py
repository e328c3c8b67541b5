"""Real servers to measure: ours in several settings, MLflow's, LitServe's; all on one registry."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import yaml

from blemish.config import find_workspace, load_params
from blemish.config.generate import Generate
from blemish.files import sha256_bytes
from blemish.inference import Segmenter
from blemish.registry.registration import ModelFile, ensure_registered_model, register
from blemish.store.connection import Store
from blemish.store.location import locate
from blemish.synthesis.scene import draw
from blemish.visualization import encode_png

IMAGES = 16
SIZE = 256
_WITHOUT_LOG = (
    "from blemish.server.recorder import Recorder; Recorder.submit = lambda *_: None; "
    "from blemish.cli import main; main()"
)


@contextlib.contextmanager
def blemish_serve(
    environment: Mapping[str, str],
    *options: str,
    logged: bool = True,
    serve: Mapping[str, Any] | None = None,
) -> Iterator[int]:
    """Run ``blemish serve`` and yield its port.

    Args:
        environment: As :func:`registry` made it.
        options: Of the command line.
        logged: Whether predictions are measured for the log and written to it.
        serve: What to change in the ``serve`` block of ``params.yaml``.
    """
    start = ["-m", "blemish"] if logged else ["-c", _WITHOUT_LOG]
    command = [sys.executable, *start, "serve", "--port", "0", *options]
    with tempfile.TemporaryDirectory() as folder:
        _write_checkout(Path(folder), serve or {})
        own = {**environment, "BLEMISH_LOG_URL": f"sqlite:///{folder}/log.db"}
        own["BLEMISH_LOG_IMAGES"] = f"{folder}/pictures"
        with _running(command, own, stderr=subprocess.PIPE, cwd=folder) as process:
            assert process.stderr is not None
            found = None
            while found is None:
                found = re.search(rb'"url": "http://127.0.0.1:(\d+)"', process.stderr.readline())
            threading.Thread(target=process.stderr.read, daemon=True).start()
            port = int(found[1])
            _wait(f"http://127.0.0.1:{port}/readyz")
            yield port


def _write_checkout(folder: Path, serve: Mapping[str, Any]) -> None:
    root = find_workspace().root
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    params["serve"] |= serve
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    (folder / "dvc.yaml").write_bytes((root / "dvc.yaml").read_bytes())
    (folder / "src" / "blemish").mkdir(parents=True)  # without it this is no checkout to the server


@contextlib.contextmanager
def mlflow_serve(environment: Mapping[str, str]) -> Iterator[int]:
    """Run ``mlflow models serve`` on the champion and yield its port."""
    port = _free_port()
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local"]
    command += ["--model-uri", "models:/blemish@champion", "--port", str(port)]
    with _running(command, environment, stderr=subprocess.DEVNULL):
        _wait(f"http://127.0.0.1:{port}/ping")
        yield port


@contextlib.contextmanager
def litserve(environment: Mapping[str, str], model: Path) -> Iterator[int]:
    """Run LitServe, a worker for each core, and yield its port."""
    port = _free_port()
    script = Path(__file__).with_name("litserve_api.py")
    command = [sys.executable, str(script), str(model), str(port)]
    with _running(command, environment, stderr=subprocess.DEVNULL):
        _wait(f"http://127.0.0.1:{port}/health")
        yield port


def draw_images() -> list[bytes]:
    """Return images of the generator as PNG."""
    params = load_params(find_workspace().params_file).generate
    params = Generate.model_validate({**params.model_dump(), "size": SIZE})
    return [encode_png(draw(params.seed, params, i).image) for i in range(IMAGES)]


def model_file(precision: str = "fp32") -> bytes:
    """Return an exported file of this checkout; before there is one, an untrained one in fp32."""
    path = find_workspace().path("exported") / f"model.{precision}.onnx"
    if path.exists():
        return path.read_bytes()
    from blemish.export.graph import to_bytes, to_onnx  # noqa: PLC0415 - torch, only if needed
    from blemish.model import UNetTiny  # noqa: PLC0415 - as above

    said = {
        "format": "1",
        "fingerprint": "0" * 64,
        "precision": "fp32",
        "threshold": "0.5",
        "stride": str(UNetTiny.stride),
        "tile": "256",
        "resize": '"none"',
        "classes": "[]",
        "statistics": "{}",
    }
    metadata = {f"blemish.{key}": value for key, value in said.items()}
    return to_bytes(to_onnx(UNetTiny().eval()), metadata)


def registry(folder: Path, *files: bytes) -> dict[str, str]:
    """Register model files; return the environment that points at them.

    Args:
        folder: Holds the store, the cache and the keys.
        files: The first is the champion, the last the candidate.
    """
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    store = Store(locate(uri=uri))
    with store.calling("Registering") as client:
        experiment = client.create_experiment("blemish", (folder / "artifacts").as_uri())
        ensure_registered_model(store)
        run = client.create_run(experiment).info.run_id
        numbers = [_register(store, run, data) for data in files]
        client.set_registered_model_alias("blemish", "champion", str(numbers[0]))
        client.set_registered_model_alias("blemish", "candidate", str(numbers[-1]))
    return {
        **os.environ,
        "MLFLOW_TRACKING_URI": uri,
        "BLEMISH_CACHE": str(folder / "cache"),
        "BLEMISH_KEYS_FILE": str(folder / "keys.json"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }


def _register(store: Store, run: str, data: bytes) -> int:
    card = Segmenter.from_bytes(data).card
    tags = {
        "precision": card.precision,
        "sha256": sha256_bytes(data),
        "fingerprint": card.fingerprint,
    }
    return register(store, run, ModelFile(card.precision, data, card), tags)


@contextlib.contextmanager
def _running(
    command: list[str], environment: Mapping[str, str], stderr: int, cwd: str | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command,
        env=dict(environment),
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def _wait(url: str) -> None:
    end = time.monotonic() + 90
    while time.monotonic() < end:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url).status_code == 200:
                return
        time.sleep(0.1)
    raise TimeoutError(url)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
