"""How cost grows with everything but the number of images of a job, drawn as curves.

    python benchmarks/growth_factors.py [pixels|processes|versions|log|files]... [--draw]

Pixels of an image, processes of a job, versions in the registry, rows in the prediction log, files
of an imported set under DVC. What is named is measured anew, everything by default; the rest stays
as it stands in ``growth_factors.csv``, from which the chart is drawn.
"""

import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import mlflow
import numpy as np
import pandas as pd
from bench import monitoring
from bench.scoring import run_bare
from bench.servers import draw_images, model_file, registry
from growth import small_model, write_images

from blemish.config.monitor import Drift
from blemish.config.serve import Serve
from blemish.imaging import decode_image
from blemish.inference import Segmenter
from blemish.registry import Registry
from blemish.scoring.score_options import ScoreOptions
from blemish.scoring.score_workflow import score
from blemish.scoring.shard_scorer import describe_image
from blemish.store.connection import Store
from blemish.store.location import locate
from blemish.visualization import encode_png

SAMPLES = Path(__file__).with_suffix(".csv")
CHART = Path(__file__).parents[1] / "docs" / "pictures" / "growth_factors.svg"
SIDES = (64, 128, 256, 512, 1024, 2048, 4096)
PROCESSES = (1, 2, 4)
SCORED = 600
VERSIONS = (2, 10, 30, 100, 300)
ROWS = (1_000, 10_000, 100_000, 1_000_000)
FILES = (100, 1_000, 10_000)
ROUNDS = 5
COLUMNS = ("factor", "count", "what", "value")

Sample = tuple[int, str, float]
"""How many, what was measured, its value."""


def pixels() -> Iterator[Sample]:
    """Yield the processor time of one image by its side, fp32, one thread."""
    import cv2  # noqa: PLC0415 - in the process that it is set for

    cv2.setNumThreads(1)
    segmenter = Segmenter.from_bytes(model_file(), threads=1)
    tile = decode_image(draw_images()[0]).plane
    for side in SIDES:
        repeats = -(-side // tile.shape[0])
        encoded = encode_png(np.tile(tile, (repeats, repeats))[:side, :side])
        rounds = ROUNDS if side <= 1024 else 1
        yield side, "decoding (ms)", median_ms(partial(decode_image, encoded), rounds)
        image = decode_image(encoded)
        map_ = segmenter.probability(image.plane)
        infer = median_ms(partial(segmenter.probability, image.plane), rounds)
        yield side, "inference (ms)", infer
        found = segmenter.judge(map_)
        rest = median_ms(partial(segmenter.judge, map_), rounds)
        rest += median_ms(partial(describe_image, image, found), rounds)
        yield side, "marks and statistics (ms)", rest


def processes() -> Iterator[Sample]:
    """Yield images a second of a job by its processes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn = draw_images()
        (folder / "in").mkdir()
        for number in range(SCORED):
            (folder / "in" / f"{number:05}.png").write_bytes(drawn[number % len(drawn)])
        model = folder / "model.onnx"
        model.write_bytes(model_file())
        run_bare(model, [str(folder / "in/00000.png")])  # the files of the libraries are read
        for count in PROCESSES:
            options = ScoreOptions(ref=str(model), workers=count)
            began = time.perf_counter()
            out = str(folder / f"out-{count}")
            score([str(folder / "in")], out, options, limits=Serve(), drift=Drift())
            yield count, "images/s, start included", SCORED / (time.perf_counter() - began)


def versions() -> Iterator[Sample]:
    """Yield the time of the registry's questions by its number of versions."""
    with tempfile.TemporaryDirectory() as name:
        environment = registry(Path(name), small_model())
        store = Store(locate(uri=environment["MLFLOW_TRACKING_URI"]))
        mlflow.set_tracking_uri(store.location.uri)  # where MLflow looks up a models:/ source
        known = Registry(store)
        done = 1
        for count in VERSIONS:
            with store.calling("Registering") as client:
                for number in range(done, count):
                    found = client.get_model_version("blemish", "1")
                    tags = {**found.tags, "sha256": f"{number:064x}"}
                    client.create_model_version(
                        "blemish", str(found.source), run_id=found.run_id, tags=tags
                    )
            done = count
            yield count, "champion's version (ms)", median_ms(partial(known.resolve, "champion"))
            yield count, "all versions (ms)", median_ms(known.versions)


def log() -> Iterator[Sample]:
    """Yield the 95th percentile of the Monitor page's queries by the rows of the log."""
    for count in ROWS:
        yield count, "95 % of the queries (ms)", monitoring.query_p95(count)


def files() -> Iterator[Sample]:
    """Yield what an import of so many images takes, and where the time goes."""
    with tempfile.TemporaryDirectory() as name:
        for count in FILES:
            folder = Path(name)
            source = folder / "in"
            write_images(source, count)
            checkout = make_checkout(folder / f"checkout-{count}")
            yield from imported(checkout, source, count)


def imported(checkout: Path, source: Path, count: int) -> Iterator[Sample]:
    """Import a folder of clean images into a checkout, and ask DVC about it."""
    python = [sys.executable, "-m"]
    command = [*python, "blemish", "import", str(source), "--name", "many", "--clean"]
    yield count, "blemish import (s)", run_in(checkout, command)
    held = sum(1 for _ in (checkout / "data/real/many").rglob("*"))
    yield count, "files in data/real/NAME", held
    yield count, "dvc status (s)", run_in(checkout, [*python, "dvc", "status"])
    yield (
        count,
        "dvc add, nothing changed (s)",
        run_in(checkout, [*python, "dvc", "add", "data/real/many"]),
    )


def make_checkout(folder: Path) -> Path:
    """Make a checkout of this repository's pipeline without outputs."""
    root = Path(__file__).parents[1]
    (folder / "src" / "blemish").mkdir(parents=True)
    for name in ("params.yaml", "dvc.yaml"):
        (folder / name).write_bytes((root / name).read_bytes())
    (folder / "data/real").mkdir(parents=True)
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, cwd=folder, check=True)
    return folder


def run_in(folder: Path, command: list[str]) -> float:
    """Run a command; return its seconds."""
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def median_ms(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the median milliseconds of processor time of a call, after one to warm up."""
    work()
    times = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        times.append(1e3 * (time.process_time() - began))
    return statistics.median(times)


FACTORS: dict[str, tuple[Callable[[], Iterator[Sample]], str]] = {
    "pixels": (pixels, "side of the image (px)"),
    "processes": (processes, "processes"),
    "versions": (versions, "versions in the registry"),
    "log": (log, "predictions in the log"),
    "files": (files, "images of an imported set"),
}


def main(arguments: list[str]) -> None:
    """Measure what is named and draw all."""
    names = [name for name in arguments if not name.startswith("-")] or list(FACTORS)
    for name in [] if arguments == ["--draw"] else names:
        measured = [
            {"factor": name, "count": count, "what": what, "value": f"{value:.4g}"}
            for count, what, value in FACTORS[name][0]()
        ]
        kept = [row for row in read_samples() if row["factor"] != name]
        with SAMPLES.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(
                stream, ("factor", "count", "what", "value"), lineterminator="\n"
            )
            writer.writeheader()
            writer.writerows([*kept, *measured])
    draw()


def read_samples() -> list[dict[str, object]]:
    """Return what was measured before."""
    if not SAMPLES.exists():
        return []
    with SAMPLES.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def draw() -> None:
    """Draw one panel for each factor that was measured."""
    frame = pd.read_csv(SAMPLES)
    shown = [name for name in FACTORS if (frame["factor"] == name).any()]
    figure, axes = plt.subplots(1, len(shown), figsize=(3.6 * len(shown), 3.2), squeeze=False)
    for panel, name in zip(axes[0], shown, strict=True):
        for what, rows in frame[frame["factor"] == name].groupby("what", sort=False):
            panel.plot(rows["count"], rows["value"], marker="o", label=what)
        panel.set(xlabel=FACTORS[name][1], xscale="log", yscale="log")
        panel.legend(frameon=False, fontsize="small")
    figure.tight_layout()
    figure.savefig(CHART, metadata={"Date": None})


if __name__ == "__main__":
    main(sys.argv[1:])
