"""INT8 against fp32, as the pipeline exported them: time, size, and what it costs in Dice.

Both files run in turn, round by round, so that whatever else the processor does meets both. A
ratio is the median over rounds of INT8's time over fp32's in the same round.
"""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from blemish.config import Workspace, find_workspace
from blemish.errors import WorkspaceError
from blemish.inference import Segmenter
from blemish.metrics import Counts, count
from blemish.operating_point import within
from blemish.registry.stored_images import stored_images
from blemish.tiling import predict_tiled

ROUNDS = 150
WARM_UP = 10
MOST_IMAGES = 150

Row = dict[str, Any]
Batch = npt.NDArray[np.uint8]


def measure() -> list[Row]:
    """Measure ratios of latency at 1 and 2 threads and at a batch of 16, of size, and Dice."""
    workspace = find_workspace()
    files = {p: _model_file(workspace, p) for p in ("fp32", "int8")}
    rows = [
        *_latency("latency_1_thread", files, threads=1, batch=1),
        *_latency("latency_2_threads", files, threads=2, batch=1),
        *_latency("latency_batch_16", files, threads=1, batch=16),
    ]
    sizes = {precision: path.stat().st_size for precision, path in files.items()}
    note = f"{sizes['int8']:,} over {sizes['fp32']:,} bytes"
    rows.append(_row("int8_over_fp32_size", sizes["int8"] / sizes["fp32"], "ratio", note))
    return [*rows, *_dice_change(workspace, files)]


def _model_file(workspace: Workspace, precision: str) -> Path:
    path = workspace.path("exported") / f"model.{precision}.onnx"
    if not path.is_file():
        raise WorkspaceError(f"No {path.name} at {path.parent}. Make it: make repro")
    return path


def _latency(name: str, files: dict[str, Path], *, threads: int, batch: int) -> list[Row]:
    models = {p: Segmenter.from_file(path, threads=threads) for p, path in files.items()}
    tile = models["fp32"].card.tile
    shape = (batch, 1, tile, tile)
    images = np.random.default_rng(0).integers(60, 200, shape, dtype=np.uint8)
    rounds = max(ROUNDS // batch, 20)
    times = _interleave(models, images, rounds)
    ratios = [b / a for a, b in zip(times["fp32"], times["int8"], strict=True)]
    low, _, high = statistics.quantiles(ratios, n=4)
    note = f"{tile} x {tile}, {rounds} rounds, middle half {low:.2f} to {high:.2f}"
    rows = [_row(f"int8_over_fp32_{name}", statistics.median(ratios), "ratio", note)]
    for precision, taken in times.items():
        value = statistics.median(taken) * 1000 / batch
        rows.append(_row(f"{precision}_{name}", value, "ms an image", note))
    return rows


def _interleave(models: dict[str, Segmenter], batch: Batch, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each round by precision, without those of the warm-up."""
    times: dict[str, list[float]] = {precision: [] for precision in models}
    for _ in range(rounds + WARM_UP):
        for precision, model in models.items():
            started = time.perf_counter()
            model.run(batch)
            times[precision].append(time.perf_counter() - started)
    return {precision: taken[WARM_UP:] for precision, taken in times.items()}


def _dice_change(workspace: Workspace, files: dict[str, Path]) -> Iterator[Row]:
    folder = workspace.path("evaluated")
    images = sorted(stored_images(folder), key=lambda image: image.image_id)[:MOST_IMAGES]
    totals, marked = {}, {}
    for precision, path in files.items():
        model = Segmenter.from_file(path, threads=1)
        counts = marks = Counts()
        for image in images:
            # The kept images are at the model's scale already: no second resizing.
            found = predict_tiled(image.plane(), model.run, tile=model.card.tile)
            probability, truth = within(found, image.region()), image.mask()
            counts += count(probability >= np.float32(model.card.point.threshold), truth)
            marks += count(model.card.point.mark(probability), truth)
        totals[precision], marked[precision] = counts.dice, marks.dice
    note = f"{len(images)} test images, pixels from the threshold on, fp32 {totals['fp32']:.4f}"
    yield _row("int8_dice_change", totals["int8"] - totals["fp32"], "Dice", note)
    note = f"the same images, marks that reach the peak, fp32 {marked['fp32']:.4f}"
    yield _row("int8_marks_dice_change", marked["int8"] - marked["fp32"], "Dice", note)


def _row(name: str, value: float, unit: str, note: str) -> Row:
    return {"name": name, "value": value, "unit": unit, "note": note}
