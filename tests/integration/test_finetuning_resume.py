"""``kill -9`` of fine-tuning costs time, never a byte of the result."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tiny_finetuning import prepare, run, tiny_finetune
from tiny_training import output_bytes

SCRIPT = Path(__file__).parents[1] / "tiny_finetuning.py"


def test_killed_finetuning_ends_with_the_same_bytes(tmp_path: Path) -> None:
    """Killed after its first epoch it goes on from the checkpoint, and the outputs are equal."""
    for name in ("whole", "killed"):
        prepare(tmp_path / name)
    run(tmp_path / "whole", tiny_finetune())
    folder = tmp_path / "killed"
    with subprocess.Popen([sys.executable, str(SCRIPT), str(folder)]) as process:
        deadline = time.monotonic() + 120
        while not (folder / "state" / "tiny.pt").exists():
            assert process.poll() is None, "fine-tuning ended before it was killed"
            assert time.monotonic() < deadline
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGKILL)
    assert not (folder / "out" / "weights.pt").exists()
    assert run(folder, tiny_finetune()).resumed_from >= 1
    assert output_bytes(folder) == output_bytes(tmp_path / "whole")
    assert not list((folder / "state").iterdir())
