"""What serving costs: requests a second of the API, of a bare loop, and of ``mlflow models serve``.

All three answer from the same file on the same cores, in turns, so that what else the host does
falls on all alike; the figures are medians over the turns. The loop decodes, infers with all cores,
measures the defects and writes the JSON. MLflow's server gets the tensor as JSON, the only form
that it takes.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from blemish.answers import ModelIdentity, answer, prediction_document
from blemish.config import find_workspace, load_params
from blemish.config.generate import Generate
from blemish.files import sha256_bytes
from blemish.imaging import decode_image
from blemish.inference import Segmenter
from blemish.synthesis.scene import draw
from blemish.tracking.outputs import ModelFile
from blemish.tracking.registration import ensure_registered_model, register
from blemish.tracking.store import Store, locate
from blemish.visualization import encode_png

_CLIENTS = 8
_TURNS = 7
_TURN_S = 2.0
_PICTURES = 16
_SIZE = 256

Rate = Callable[[], float]


def measure() -> list[dict[str, Any]]:
    """Measure all three in turns."""
    pictures = _draw_pictures()
    data = _model_file()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        environment = _register(Path(folder), data)
        api = stack.enter_context(_blemish_serve(environment))
        stock = stack.enter_context(_mlflow_serve(environment))
        contenders: dict[str, Rate] = {
            "loop": _bare_loop(data, pictures),
            "api": _clients(api, [_post("/v1/predict", p, "image/png") for p in pictures]),
            "mlflow": _clients(stock, [_invocation(p) for p in pictures]),
        }
        for rate in contenders.values():
            rate()  # warm up
        turns = [{name: rate() for name, rate in contenders.items()} for _ in range(_TURNS)]
    return [
        _row("server_over_bare_loop", turns, "loop"),
        _row("server_over_mlflow_serve", turns, "mlflow"),
    ]


def _row(name: str, turns: Sequence[Mapping[str, float]], other: str) -> dict[str, Any]:
    ours = statistics.median(turn["api"] for turn in turns)
    theirs = statistics.median(turn[other] for turn in turns)
    return {
        "name": name,
        "value": statistics.median(turn["api"] / turn[other] for turn in turns),
        "unit": "ratio",
        "note": f"{ours:.0f}/s with {_CLIENTS} clients over {theirs:.0f}/s, {_SIZE} x {_SIZE} px",
    }


def _draw_pictures() -> list[bytes]:
    params = load_params(find_workspace().params_file).generate
    params = Generate.model_validate({**params.model_dump(), "size": _SIZE})
    return [encode_png(draw(params.seed, params, i).image) for i in range(_PICTURES)]


def _model_file() -> bytes:
    """Return the exported fp32 file of this checkout; before there is one, an untrained one."""
    path = find_workspace().path("exported") / "model.fp32.onnx"
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


def _register(folder: Path, data: bytes) -> dict[str, str]:
    """Make a registry with this one champion; return the environment that points at it."""
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    store = Store(locate(uri=uri))
    card = Segmenter.from_bytes(data).card
    tags = {
        "precision": card.precision,
        "sha256": sha256_bytes(data),
        "fingerprint": card.fingerprint,
    }
    with store.calling("Registering") as client:
        experiment = client.create_experiment("blemish", (folder / "artifacts").as_uri())
        ensure_registered_model(store)
        run = client.create_run(experiment).info.run_id
        number = register(store, run, ModelFile(card.precision, data, card), tags)
        client.set_registered_model_alias("blemish", "champion", str(number))
    return {
        **os.environ,
        "MLFLOW_TRACKING_URI": uri,
        "BLEMISH_CACHE": str(folder / "cache"),
        "BLEMISH_KEYS_FILE": str(folder / "keys.json"),
        "BLEMISH_LOG_URL": f"sqlite:///{folder / 'log.db'}",
        "BLEMISH_LOG_PICTURES": str(folder / "pictures"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }


@contextlib.contextmanager
def _blemish_serve(environment: Mapping[str, str]) -> Iterator[int]:
    command = [sys.executable, "-m", "blemish", "serve", "--port", "0"]
    with _running(command, environment, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        found = None
        while found is None:
            found = re.search(rb'"url": "http://127.0.0.1:(\d+)"', process.stderr.readline())
        threading.Thread(target=process.stderr.read, daemon=True).start()
        port = int(found[1])
        _wait(f"http://127.0.0.1:{port}/readyz")
        yield port


@contextlib.contextmanager
def _mlflow_serve(environment: Mapping[str, str]) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local"]
    command += ["--model-uri", "models:/blemish@champion", "--port", str(port)]
    with _running(command, environment, stderr=subprocess.DEVNULL):
        _wait(f"http://127.0.0.1:{port}/ping")
        yield port


@contextlib.contextmanager
def _running(
    command: list[str], environment: Mapping[str, str], stderr: int
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command,
        env=dict(environment),
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


def _bare_loop(data: bytes, pictures: Sequence[bytes]) -> Rate:
    segmenter = Segmenter.from_bytes(data)
    identity = ModelIdentity("blemish", 1, "champion", "fp32", segmenter.card.fingerprint, None)

    def rate() -> float:
        begin = time.perf_counter()
        done = 0
        while time.perf_counter() - begin < _TURN_S:
            said = answer(pictures[done % len(pictures)], segmenter)
            json.dumps(prediction_document(identity, said)).encode()
            done += 1
        return done / (time.perf_counter() - begin)

    return rate


def _post(path: str, body: bytes, kind: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _invocation(picture: bytes) -> bytes:
    tensor = decode_image(picture).plane[None, None].tolist()
    return _post(
        "/invocations", json.dumps({"inputs": {"image": tensor}}).encode(), "application/json"
    )


def _clients(port: int, requests: Sequence[bytes]) -> Rate:
    """Ask from so many connections, as cheaply as can be: the clients share the cores."""

    async def ask(end: float, first: int) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        done = 0
        while time.perf_counter() < end:
            writer.write(requests[(first + done) % len(requests)])
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = re.search(rb"content-length: (\d+)", head)
            assert length is not None, head
            await reader.readexactly(int(length[1]))
            done += 1
        writer.close()
        return done

    async def ask_all() -> float:
        begin = time.perf_counter()
        done = await asyncio.gather(*(ask(begin + _TURN_S, i) for i in range(_CLIENTS)))
        return sum(done) / (time.perf_counter() - begin)

    return lambda: asyncio.run(ask_all())


if __name__ == "__main__":
    for row in measure():
        print(row)
