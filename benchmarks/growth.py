"""How cost grows with the number of images: time, rate and memory of one job, drawn as curves.

    python benchmarks/growth.py [IMAGES]

Small images and a small model, so that what grows is the machinery. Memory is the sum of the
resident sets of the job and its processes, read every second while it runs.
"""

import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from onnx import TensorProto, helper, numpy_helper

from blemish.visualization import encode_png

RESULTS = Path(tempfile.gettempdir()) / "blemish-growth.csv"
CHART = Path(__file__).parents[1] / "docs" / "pictures" / "growth.svg"
SIDE = 64
COUNTS = (100, 1_000, 5_000)
_SAID = {
    "format": "1",
    "fingerprint": "0" * 64,
    "precision": "fp32",
    "threshold": "0.5",
    "stride": "8",
    "tile": "64",
    "resize": '"none"',
    "classes": "[]",
    "statistics": "{}",
}


def main(images: int) -> None:
    """Run jobs of growing size up to so many images, write the samples."""
    with tempfile.TemporaryDirectory() as name, RESULTS.open("w", encoding="utf-8") as stream:
        folder = Path(name)
        (folder / "model.onnx").write_bytes(small_model())
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["job", "seconds", "images", "megabytes"])
        for count in (*(c for c in COUNTS if c < images), images):
            write_images(folder / "in", count)
            for seconds, done, megabytes in run(folder, count):
                writer.writerow([count, f"{seconds:.2f}", done, f"{megabytes:.1f}"])
            stream.flush()


def run(folder: Path, count: int) -> list[tuple[float, int, float]]:
    """Score, and sample seconds, images that are done and megabytes."""
    out = folder / f"out-{count}"
    command = [sys.executable, "-m", "blemish", "score", str(folder / "in"), "--out", str(out)]
    command += ["--model", str(folder / "model.onnx"), "--json"]
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        samples = []
        assert process.stdout is not None
        while process.poll() is None:
            time.sleep(1.0)
            done = min(count, planned_done(out))
            samples.append((time.monotonic() - began, done, tree_rss(process.pid)))
        summary = json.loads(process.stdout.read())
    assert summary["scored"] == count
    return [*samples[:-1], (time.monotonic() - began, count, samples[-2][2])]


def planned_done(out: Path) -> int:
    """Return how many images are in the shards that are done."""
    plans = list((out / "plan").glob("*.json"))
    shard = json.loads(plans[0].read_bytes())["shard_images"] if plans else 0
    return shard * sum(1 for _ in (out / "images").glob("part-*"))


def tree_rss(pid: int) -> float:
    """Return the resident megabytes of a process and its children."""
    total = 0.0
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        for each in (pid, *children):
            pages = int(Path(f"/proc/{each}/statm").read_text(encoding="ascii").split()[1])
            total += pages * 4096 / 1e6
    except OSError:
        return total  # it ended meanwhile
    return total


def write_images(folder: Path, count: int) -> None:
    """Write images, a thousand in a folder; those of a smaller job stay."""
    rng = np.random.default_rng(0)
    grain = [np.clip(rng.normal(150, 8, (SIDE, SIDE)), 0, 255).astype(np.uint8) for _ in range(32)]
    for number in range(count):
        path = folder / f"{number // 1_000:04}" / f"{number:07}.png"
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        plane = grain[number % 32].copy()
        if number % 10 == 0:
            plane[number % 50 : number % 50 + 4, 8:56] = 5
        plane[0, :4] = list(number.to_bytes(4, "big"))  # an import takes no image twice
        path.write_bytes(encode_png(plane))


def small_model() -> bytes:
    """Build a model that marks what is black."""
    nodes = [
        helper.make_node("Cast", ["image"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("Conv", ["grey", "kernel", "bias"], ["logit"], pads=[1, 1, 1, 1]),
        helper.make_node("Sigmoid", ["logit"], ["probability"]),
    ]
    weights = [
        numpy_helper.from_array(np.full((1, 1, 3, 3), -0.08 / 9, np.float32), "kernel"),
        numpy_helper.from_array(np.array([3.2], np.float32), "bias"),
    ]
    shape: list[str | int | None] = ["N", 1, "H", "W"]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, shape)],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {f"blemish.{key}": value for key, value in _SAID.items()})
    data: bytes = model.SerializeToString()
    return data


def draw(samples: Path, chart: Path) -> None:
    """Draw what :func:`main` wrote."""
    frame = pd.read_csv(samples)
    figure, (done, memory) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    frame["images"] = frame[["images", "job"]].min(axis=1)
    for job, rows in frame[frame["images"] > 0].groupby("job"):
        done.plot(rows["seconds"], rows["images"], label=f"{job:,} images")
        memory.plot(rows["images"], rows["megabytes"], label=f"{job:,} images")
    done.set(xlabel="time (s)", ylabel="images done", xscale="log", yscale="symlog", ylim=(0, None))
    memory.set(
        xlabel="images done", ylabel="memory of all processes (MB)", xscale="log", ylim=(0, None)
    )
    done.legend(frameon=False)
    figure.savefig(chart, metadata={"Date": None})


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
    draw(RESULTS, CHART)
