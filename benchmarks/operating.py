"""Questions of an operator: batches, threads against workers, what a shadow costs the requests.

    python benchmarks/operating.py

Batches are measured in onnxruntime alone; for the rest every setting is a real server on one
machine, all asked in turns. Three tables; not part of ``make bench``. What follows from them is in
``docs/how-to/serve.md``.
"""

import contextlib
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bench.servers import SIZE, blemish_serve, draw_images, model_file, registry
from bench.serving import clients, post
from rich.console import Console
from rich.table import Table

from blemish.model_sessions import open_session

_TURNS = 5
_TURN_S = 2.0
_ROUNDS = 40
_BATCHES = (1, 2, 4, 8, 16)
_CLIENTS = (1, 2, 8)

Settings = dict[str, tuple[Sequence[str], dict[str, Any]]]
"""By name: options of ``blemish serve``, and changes of the ``serve`` block."""

_THREADS: Settings = {
    "1 process, 1 at once, 1 thread": ((), {"parallel": 1, "inference_threads": 1}),
    "1 process, 1 at once, 2 threads": ((), {"parallel": 1, "inference_threads": 2}),
    "1 process, 2 at once, 1 thread": ((), {"parallel": 2, "inference_threads": 1}),
    "1 process, 2 at once, 2 threads": ((), {"parallel": 2, "inference_threads": 2}),
    "1 process, 4 at once, 1 thread": ((), {"parallel": 4, "inference_threads": 1}),
    "2 processes, 1 at once, 1 thread": (("--workers", "2"), {"parallel": 1}),
    "2 processes, 2 at once, 1 thread": (("--workers", "2"), {"parallel": 2}),
}
_SHADOWS: Settings = {
    "no shadow": ((), {}),
    "shadow of 10 %": (("--shadow", "candidate"), {"shadow_share": 0.1}),
    "shadow of all": (("--shadow", "candidate"), {"shadow_share": 1.0}),
}


def main() -> None:
    """Measure all three and print them."""
    Console().print(_batches())
    with tempfile.TemporaryDirectory() as folder:
        environment = registry(Path(folder), model_file(), model_file("int8"))
        for title, settings in (("threads and processes", _THREADS), ("shadow", _SHADOWS)):
            Console().print(_table(title, settings, environment))


def _batches() -> Table:
    """Return a table of images a second by batch size and threads of one session."""
    rng = np.random.default_rng(0)
    sessions = {threads: open_session(model_file(), threads=threads) for threads in (1, 2)}
    rates: dict[tuple[int, int], list[float]] = {}
    for _ in range(_ROUNDS):
        for size in _BATCHES:
            images = rng.integers(0, 256, (size, 1, SIZE, SIZE), dtype=np.uint8)
            for threads, session in sessions.items():
                began = time.perf_counter()
                session.run(None, {"image": images})
                taken = time.perf_counter() - began
                rates.setdefault((size, threads), []).append(size / taken)
    table = Table("batch", *(f"{n} threads" for n in sessions), title="images a second")
    for size in _BATCHES:
        found = (f"{statistics.median(rates[size, threads]):.0f}" for threads in sessions)
        table.add_row(str(size), *found)
    return table


def _table(
    title: str,
    settings: Settings,
    environment: dict[str, str],
) -> Table:
    """Ask every server in turns; a cell is requests a second, median and 95th percentile in ms."""
    requests = [post("/v1/predict", image, "image/png") for image in draw_images()]
    rates: dict[tuple[str, int], list[float]] = {}
    times: dict[tuple[str, int], list[float]] = {}
    with contextlib.ExitStack() as stack:
        ports = {
            name: stack.enter_context(blemish_serve(environment, *options, serve=serve))
            for name, (options, serve) in settings.items()
        }
        for port in ports.values():
            clients(port, requests)(_TURN_S)  # warm up
        for _ in range(_TURNS):
            for count in _CLIENTS:
                for name, port in ports.items():
                    taken = times.setdefault((name, count), [])
                    rate = clients(port, requests, count, taken)(_TURN_S)
                    rates.setdefault((name, count), []).append(rate)
    table = Table(title, *(f"{count} clients: /s, p50, p95 ms" for count in _CLIENTS))
    for name in settings:
        cells = (_cell(rates[name, count], times[name, count]) for count in _CLIENTS)
        table.add_row(name, *cells)
    return table


def _cell(rates: Sequence[float], times: Sequence[float]) -> str:
    middle, high = 1e3 * np.quantile(times, (0.5, 0.95))
    return f"{statistics.median(rates):.0f}, {middle:.1f}, {high:.1f}"


if __name__ == "__main__":
    main()
