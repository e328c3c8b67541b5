"""A training step beside one busy process, against the same step alone.

On two cores a neighbour that never sleeps may cost its share, half of the processor: a step then
takes at most twice as long. The value is the step beside the neighbour over twice the step alone;
it is far above 1 where threads that wait spin.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.network import own_loop, write_split
from blemish.config import find_workspace, load_params
from blemish.training.listener import Listeners
from blemish.training.sharing import open_fabric
from blemish.training.trainer import set_up_torch
from blemish.training.training_workflow import make_trainer

STEPS = 4
"""Training steps a round."""
ROUNDS = 5

Row = dict[str, Any]


def measure() -> list[Row]:
    """Measure training steps in turn, alone and beside a busy process."""
    params = load_params(find_workspace().params_file).train
    params = params.model_copy(update={"device": "cpu", "crops": STEPS * params.batch})
    set_up_torch(params)
    with tempfile.TemporaryDirectory() as folder:
        for split in ("train", "val"):
            write_split(Path(folder), split)
        loop = own_loop(
            make_trainer(Path(folder), params, open_fabric(params, "train"), Listeners(())), params
        )
    loop()  # the first steps allocate
    ratios = []
    for _ in range(ROUNDS):
        alone = _seconds(loop)
        with _busy_process():
            ratios.append(_seconds(loop) / (2 * alone))
    low, middle, high = statistics.quantiles(ratios, n=4)
    note = f"{STEPS} steps a round, {ROUNDS} rounds, middle half {low:.2f} to {high:.2f}"
    return [{"name": "training_busy_neighbour", "value": middle, "unit": "ratio", "note": note}]


def _seconds(job: Callable[[], object]) -> float:
    started = time.perf_counter()
    job()
    return time.perf_counter() - started


@contextmanager
def _busy_process() -> Iterator[None]:
    """Keep one core busy."""
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.3)  # it has started
        yield
    finally:
        busy.kill()
        busy.wait()


if __name__ == "__main__":
    print(measure())
