"""The network against the textbook's, and the training loop against a bare one.

Whatever is compared runs in turn, round by round, so that whatever else the processor does meets
both; a ratio is the median over rounds of one's time over the other's in the same round.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from bench.textbook import TextbookUNet
from blemish.config import find_workspace, load_params
from blemish.config.train import Train
from blemish.export.graph import to_bytes, to_onnx
from blemish.losses import deep_loss
from blemish.model import UNetTiny
from blemish.model_sessions import open_session
from blemish.packed import Annotation, PackedDefect, PackedWriter, pack_image
from blemish.training.listener import Listeners
from blemish.training.optimization import make_optimizers
from blemish.training.sharing import open_fabric
from blemish.training.supervision import DeepSupervision
from blemish.training.trainer import Trainer, set_up_torch
from blemish.training.training_workflow import make_trainer

_BENCHMARKS = Path(__file__).parents[1]
TILE = 256
ROUNDS = 60
WARM_UP = 5
STEPS = 12
"""Training steps a round."""
TRAINING_ROUNDS = 6

Row = dict[str, Any]
Timed = dict[str, Callable[[], object]]


def measure() -> list[Row]:
    """Measure latency, throughput, memory and the training step."""
    params = load_params(find_workspace().params_file).train
    torch.manual_seed(0)
    tiny = UNetTiny(params.network.width)
    files = {"unet_tiny": _onnx(tiny), "textbook": _onnx(cast("UNetTiny", TextbookUNet()))}
    weights = sum(weight.numel() for weight in tiny.parameters())
    return [
        _row("unet_tiny_weights", weights, "weights", f"width {params.network.width}"),
        *_latency(files),
        *_throughput(files["unet_tiny"]),
        *_memory(files["unet_tiny"]),
        *_training(params),
    ]


def _onnx(network: UNetTiny) -> bytes:
    return to_bytes(to_onnx(network.eval()), {})


def _image(count: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(60, 200, (count, 1, TILE, TILE), dtype=np.uint8)


def _latency(files: dict[str, bytes]) -> list[Row]:
    rows, image = [], {"image": _image(1)}
    for threads, suffix in ((2, ""), (1, "_1_thread")):
        sessions = {name: open_session(data, threads=threads) for name, data in files.items()}
        jobs: Timed = {
            name: lambda session=session: session.run(None, image)  # type: ignore[misc]  # mypy does not follow the default
            for name, session in sessions.items()
        }
        times = interleave(jobs, ROUNDS)
        ratio, spread = _ratio(times["unet_tiny"], times["textbook"])
        note = f"{TILE} x {TILE}, fp32, {threads} threads, {ROUNDS} rounds, {spread}"
        rows.append(_row(f"unet_tiny_over_textbook_latency{suffix}", ratio, "ratio", note))
        for name, taken in times.items():
            value = statistics.median(taken) * 1000
            rows.append(_row(f"{name}_fp32_latency{suffix or '_2_threads'}", value, "ms", note))
    return rows


def _throughput(data: bytes) -> list[Row]:
    session = open_session(data, threads=2)
    images = {count: {"image": _image(count)} for count in (1, 16)}
    jobs: Timed = {
        str(count): lambda batch=batch: session.run(None, batch)  # type: ignore[misc]  # as above
        for count, batch in images.items()
    }
    times = interleave(jobs, ROUNDS // 3)
    return [
        _row(
            f"images_per_s_batch_{count}",
            count / statistics.median(times[str(count)]),
            "1/s",
            f"{TILE} x {TILE}, fp32, 2 threads",
        )
        for count in images
    ]


def _memory(data: bytes) -> list[Row]:
    """Peak memory that a session and its answers add to a process which has imported all."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(data)
        for count in (1, 16):
            command = [sys.executable, "-m", "bench.network", str(path), str(count)]
            done = subprocess.run(
                command, check=True, capture_output=True, text=True, cwd=_BENCHMARKS
            )
            note = f"{count} tiles at once, 2 threads, beyond the imports"
            rows.append(_row(f"peak_memory_batch_{count}", float(done.stdout), "MB", note))
    return rows


def _peak_megabytes(path: Path, count: int) -> float:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forgets the peak so far
    before = _status("VmRSS")
    session = open_session(path.read_bytes(), threads=2)
    for _ in range(3):
        session.run(None, {"image": _image(count)})
    return (_status("VmHWM") - before) / 1024


def _status(name: str) -> float:
    """Return a number of this process in KiB; proc(5)."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def _training(params: Train) -> list[Row]:
    """The whole loop (crops, checks, averages and all) against the step alone on one batch."""
    params = params.model_copy(update={"device": "cpu", "crops": STEPS * params.batch})
    set_up_torch(params)
    with tempfile.TemporaryDirectory() as folder:
        for split in ("train", "val"):
            write_split(Path(folder), split)
        trainer = make_trainer(Path(folder), params, open_fabric(params, "train"), Listeners(()))
    jobs: Timed = {"loop": own_loop(trainer, params), "bare": _bare_loop(params)}
    times = interleave(jobs, TRAINING_ROUNDS, warm_up=1)
    ratio, spread = _ratio(times["bare"], times["loop"])
    note = f"crops of {params.crop} px, batches of {params.batch}, {STEPS} steps a round, {spread}"
    rate = STEPS * params.batch / statistics.median(times["loop"])
    return [
        _row("training_loop_over_bare_loop", ratio, "ratio", note),
        _row("training_crops_per_s", rate, "1/s", note),
    ]


def own_loop(trainer: Trainer, params: Train) -> Callable[[], object]:
    """Return a job that trains a round of steps by the project's own loop."""

    def run() -> None:
        trainer.network.train()
        for batch in trainer.batches(1, STEPS):
            trainer.step(batch, params.learning_rate)

    return run


def _bare_loop(params: Train) -> Callable[[], object]:
    network = DeepSupervision(UNetTiny(params.network.width)).train()
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # the stub lacks this form
    optimizers = make_optimizers(network, params)
    shape = (params.batch, 1, params.crop, params.crop)
    images = torch.randint(60, 200, shape, dtype=torch.uint8)
    truth = (torch.rand(shape) < 0.05).float()

    def run() -> None:
        for _ in range(STEPS):
            network.zero_grad()
            loss = deep_loss(network(images), truth, params.loss)
            loss.backward()  # type: ignore[no-untyped-call]  # PyTorch has no types here
            nn.utils.clip_grad_norm_(network.parameters(), params.clip_norm)
            for optimizer in optimizers:
                optimizer.step()

    return run


def write_split(folder: Path, split: str, count: int = 32) -> None:
    """Write a packed split of noise, each image with one defect."""
    rng = np.random.default_rng(0)
    defects = (PackedDefect("scratch", TILE * 4),)
    with PackedWriter(folder, split) as writer:
        for number in range(count):
            image = rng.integers(60, 200, (TILE, TILE), dtype=np.uint8)
            instances = np.zeros((TILE, TILE), np.uint8)
            instances[100:104] = 1
            name = f"image{number}"
            annotation = Annotation(name, "synthetic", name, TILE, TILE, defects, {})
            writer.add(pack_image(annotation, image, instances))


def interleave(jobs: Timed, rounds: int, warm_up: int = WARM_UP) -> dict[str, list[float]]:
    """Return the seconds of each job in each round, without those of the warm-up."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds + warm_up):
        for name, job in jobs.items():
            started = time.perf_counter()
            job()
            times[name].append(time.perf_counter() - started)
    return {name: taken[warm_up:] for name, taken in times.items()}


def _ratio(above: list[float], below: list[float]) -> tuple[float, str]:
    ratios = [a / b for a, b in zip(above, below, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return middle, f"middle half {low:.3f} to {high:.3f}"


def _row(name: str, value: float, unit: str, note: str) -> Row:
    return {"name": name, "value": value, "unit": unit, "note": note}


if __name__ == "__main__":
    print(_peak_megabytes(Path(sys.argv[1]), int(sys.argv[2])))
