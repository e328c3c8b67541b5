"""What ``blemish score`` costs over a bare loop on as many processes.

Both read the same files with the same model, on two processes of one thread each, in turns. The
bare loop decodes, runs the session, marks and measures, and keeps nothing; the job also lists,
plans, hashes, takes the statistics for drift, writes its Parquet files and adds them up. The start
of the processes counts for both. ``docs/rates.py`` works out what a rate needs from these rows.
"""

import multiprocessing
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.servers import SIZE, draw_images, model_file
from blemish.config.monitor import Drift
from blemish.config.serve import Serve
from blemish.imaging import decode_image
from blemish.inference import Segmenter
from blemish.scoring.score_options import ScoreOptions
from blemish.scoring.score_workflow import score

IMAGES = 4_000
TURNS = 3
PROCESSES = 2


def measure() -> list[dict[str, Any]]:
    """Measure both in turns."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = write_images(folder / "in")
        size = statistics.mean(Path(path).stat().st_size for path in paths)
        (folder / "model.onnx").write_bytes(model_file())
        turns = []
        for turn in range(TURNS):
            pair = {"bare": lambda: bare_loop(folder / "model.onnx", paths)}
            pair["job"] = lambda turn=turn: job(folder, folder / f"out-{turn}")  # type: ignore[misc]
            order = list(pair) if turn % 2 else list(pair)[::-1]
            turns.append({which: IMAGES / timed(pair[which]) for which in order})
    ours, theirs = (statistics.median(turn[which] for turn in turns) for which in ("job", "bare"))
    return [
        {
            "name": "score_over_bare_loop",
            "value": statistics.median(turn["job"] / turn["bare"] for turn in turns),
            "unit": "ratio",
            "note": f"{ours:.0f} over {theirs:.0f} images/s, {PROCESSES} processes, "
            f"{IMAGES} images of {SIZE} x {SIZE} px",
        },
        {
            "name": "score_images_per_s_and_process",
            "value": ours / PROCESSES,
            "unit": "images/s",
            "note": f"{PROCESSES} processes of one thread, fp32",
        },
        {
            "name": "score_image_bytes",
            "value": size,
            "unit": "bytes",
            "note": f"mean PNG of the generator, {SIZE} x {SIZE} px",
        },
    ]


def write_images(folder: Path) -> list[str]:
    """Write files of the generator's images, each many times over."""
    folder.mkdir()
    drawn = draw_images()
    paths = [folder / f"{number:05}.png" for number in range(IMAGES)]
    for number, path in enumerate(paths):
        path.write_bytes(drawn[number % len(drawn)])
    return [str(path) for path in paths]


def timed(work: Any) -> float:
    """Return the seconds that a call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def job(folder: Path, out: Path) -> None:
    """Score all."""
    options = ScoreOptions(ref=str(folder / "model.onnx"), workers=PROCESSES)
    summary = score([str(folder / "in")], str(out), options, limits=Serve(), drift=Drift())
    assert summary["scored"] == IMAGES


def bare_loop(model: Path, paths: list[str]) -> None:
    """Do the least that could be called the same work, on as many processes."""
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=run_bare, args=(model, paths[first::PROCESSES]))
        for first in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0


def run_bare(model: Path, paths: list[str]) -> None:
    """Decode, infer, mark and measure one image after the other."""
    import cv2  # noqa: PLC0415 - in the process that it is set for

    cv2.setNumThreads(1)
    segmenter = Segmenter.from_file(model, threads=1)
    for path in paths:
        segmenter.predict(decode_image(Path(path).read_bytes()).plane)


if __name__ == "__main__":
    for row in measure():
        print(row)
