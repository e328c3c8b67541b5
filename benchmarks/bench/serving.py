"""What serving costs: requests a second of the API, of a bare loop, and of other servers.

All answer from the same file on the same cores, in turns, so that what else the host does
falls on all alike; the numbers are medians over the turns. The bare loop decodes, infers, measures
the defects and writes the JSON, on two processes of one thread each: the best arrangement without a
server. The bare session does the same in one process whose network has two threads. MLflow's server
gets the tensor as JSON, the only form that it takes. LitServe is measured where it is installed
(``pip install litserve``). What writing the log costs is a difference of a few percent: longer
turns, and one server goes first as often as the other.
"""

import asyncio
import contextlib
import importlib.util
import json
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.bare import bare_processes
from bench.servers import (
    SIZE,
    blemish_serve,
    draw_images,
    litserve,
    mlflow_serve,
    model_file,
    registry,
)
from blemish.imaging import decode_image

_CLIENTS = 8
_TURNS = 9
_TURN_S = 2.0
_PAIRS = 10
_PAIR_S = 6.0

Rate = Callable[[float], float]
"""Works for so many seconds; returns requests a second."""


def measure() -> list[dict[str, Any]]:
    """Measure all in turns."""
    images = draw_images()
    data = model_file()
    predict = [post("/v1/predict", image, "image/png") for image in images]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        environment = registry(Path(folder), data)
        api = stack.enter_context(blemish_serve(environment))
        silent = stack.enter_context(blemish_serve(environment, logged=False))
        stock = stack.enter_context(mlflow_serve(environment))
        contenders: dict[str, Rate] = {
            "loop": stack.enter_context(bare_processes(data, images)),
            "session": stack.enter_context(bare_processes(data, images, count=1, threads=2)),
            "api": clients(api, predict),
            "mlflow": clients(stock, [_invocation(p) for p in images]),
        }
        if importlib.util.find_spec("litserve"):
            model = Path(folder) / "model.onnx"
            model.write_bytes(data)
            lit = stack.enter_context(litserve(environment, model))
            contenders["litserve"] = clients(lit, [_form(p) for p in images])
        pair = {"logged": contenders["api"], "unlogged": clients(silent, predict)}
        for rate in (*contenders.values(), *pair.values()):
            rate(_TURN_S)  # warm up
        turns = [take_turns(contenders, turn, _TURN_S) for turn in range(_TURNS)]
        pairs = [take_turns(pair, turn, _PAIR_S) for turn in range(_PAIRS)]
    rows = [_row("server_over_bare_loop", turns, "loop")]
    rows += [_row("server_over_bare_session", turns, "session")]
    rows += [_row("server_over_mlflow_serve", turns, "mlflow")]
    if "litserve" in contenders:
        rows += [_row("server_over_litserve", turns, "litserve")]
    return [*rows, _log_row(pairs)]


def take_turns(contenders: Mapping[str, Rate], turn: int, seconds: float) -> dict[str, float]:
    """Let each contender work once, beginning with another one each turn."""
    names = list(contenders)
    first = turn % len(names)
    return {name: contenders[name](seconds) for name in names[first:] + names[:first]}


def _row(name: str, turns: Sequence[Mapping[str, float]], other: str) -> dict[str, Any]:
    ours = statistics.median(turn["api"] for turn in turns)
    theirs = statistics.median(turn[other] for turn in turns)
    return {
        "name": name,
        "value": statistics.median(turn["api"] / turn[other] for turn in turns),
        "unit": "ratio",
        "note": f"{ours:.0f}/s with {_CLIENTS} clients over {theirs:.0f}/s, {SIZE} x {SIZE} px",
    }


def _log_row(pairs: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    costs = sorted(1 - pair["logged"] / pair["unlogged"] for pair in pairs)
    lower, cost, upper = statistics.quantiles(costs)
    note = f"{len(costs)} interleaved pairs of {_PAIR_S:.0f} s, {_CLIENTS} clients, middle half "
    note += f"{lower:.3f} to {upper:.3f}; bound 0.05"
    unit = "share of throughput"
    return {"name": "log_writing_cost", "value": round(cost, 4), "unit": unit, "note": note}


def post(path: str, body: bytes, kind: str) -> bytes:
    """Return a request as it goes over the wire."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _invocation(image: bytes) -> bytes:
    tensor = decode_image(image).plane[None, None].tolist()
    return post(
        "/invocations", json.dumps({"inputs": {"image": tensor}}).encode(), "application/json"
    )


def _form(image: bytes) -> bytes:
    name = 'Content-Disposition: form-data; name="request"; filename="part.png"'
    head = f"--part\r\n{name}\r\nContent-Type: image/png\r\n\r\n".encode()
    return post(
        "/predict", head + image + b"\r\n--part--\r\n", "multipart/form-data; boundary=part"
    )


def clients(
    port: int,
    requests: Sequence[bytes],
    count: int = _CLIENTS,
    times: list[float] | None = None,
) -> Rate:
    """Ask from so many connections, as cheaply as can be: the clients share the cores.

    Args:
        port: Of the server.
        requests: As they go over the wire.
        count: How many connections.
        times: Gets the seconds that each answer took.

    Returns:
        A function that asks for so many seconds and returns requests a second.
    """

    async def ask(end: float, first: int) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        done = 0
        while (began := time.perf_counter()) < end:
            writer.write(requests[(first + done) % len(requests)])
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = re.search(rb"content-length: (\d+)", head)
            assert length is not None, head
            await reader.readexactly(int(length[1]))
            done += 1
            if times is not None:
                times.append(time.perf_counter() - began)
        writer.close()
        return done

    async def ask_all(seconds: float) -> float:
        begin = time.perf_counter()
        done = await asyncio.gather(*(ask(begin + seconds, i) for i in range(count)))
        return sum(done) / (time.perf_counter() - begin)

    return lambda seconds: asyncio.run(ask_all(seconds))


if __name__ == "__main__":
    for row in measure():
        print(row)
