"""Small scoring jobs: images, a model, the job, and what it wrote."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from faulty_images import encode
from integration.server.tiny_models import tiny_model

from blemish.config.monitor import Drift
from blemish.config.serve import Serve
from blemish.scoring.score_options import ScoreOptions
from blemish.scoring.score_workflow import score

LEVEL = 40.0
SIDE = 48
IMAGES = 120
FAILED = 3  # of these


def draw_image(number: int) -> bytes:
    """Draw metal; on every third image a black scratch, whose place depends on the number."""
    rng = np.random.default_rng(number)
    plane = rng.normal(150, 8, (SIDE, SIDE))
    if number % 3 == 0:
        row = int(rng.integers(4, SIDE - 8))
        plane[row : row + 4, 6 : SIDE - 6 - number % 7] = 5
    return encode(np.clip(plane, 0, 255).astype(np.uint8))


def write_images(folder: Path, count: int, first: int = 0) -> Path:
    """Write images into two folders, two of a hundred of them broken."""
    for number in range(first, first + count):
        path = folder / f"line-{number % 2}" / f"{number:05}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        data = draw_image(number)
        path.write_bytes(data[:-20] if number % 50 == 7 else data)
    return folder


def write_model(path: Path, **options: Any) -> Path:
    """Write a model that marks what is black."""
    path.write_bytes(tiny_model(level=LEVEL, **options))
    return path


def run_job(source: object, out: object, model: object, **options: Any) -> dict[str, Any]:
    """Score on one process, in the way of the command line."""
    chosen = ScoreOptions(**{"ref": str(model), "workers": 1, **options})
    return score([str(source)], str(out), chosen, limits=Serve(), drift=Drift())


def start_command(
    *arguments: object, workers: int = 2, privileged: bool = True
) -> subprocess.Popen[str]:
    """Start ``blemish score`` as a process group of its own.

    Args:
        arguments: Of the command.
        workers: How many processes score.
        privileged: Keep root's right to pass over the permissions of files.
    """
    command = [sys.executable, "-m", "blemish", "score", *map(str, arguments)]
    if not privileged and os.geteuid() == 0:
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    return subprocess.Popen(
        command,
        env=os.environ | {"BLEMISH_WORKERS": str(workers), "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def rows(out: Path, kind: str = "images") -> list[dict[str, Any]]:
    """Return a table of a job as any reader of Parquet folders does, by name."""
    tables = [pq.read_table(path) for path in sorted((out / kind).glob("*.parquet"))]
    found: list[dict[str, Any]] = pa.concat_tables(tables).to_pylist()
    return found


def result_bytes(out: Path) -> dict[str, bytes]:
    """Return the files that two runs of one job share byte for byte."""
    found = [path for kind in ("images", "defects", "masks") for path in (out / kind).rglob("*.p*")]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in found}
