"""A stage ends with the DVC that started it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

_STAGE = """
import os, sys
from pathlib import Path
from blemish.processes import die_with_dvc
folder = Path(sys.argv[1])
parent = os.getppid()
stat = Path(f"/proc/{parent}/stat").read_text()
(folder / "grandparent").write_text(stat.rpartition(")")[2].split()[1])
die_with_dvc()
(folder / "alive").touch()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it is /proc that tells")
@pytest.mark.parametrize("by_dvc", [True, False])
def test_a_stage_whose_dvc_ended_while_it_started_ends_too(tmp_path: Path, *, by_dvc: bool) -> None:
    """The shell between them lives on below init; a stage that nobody's DVC started goes on."""
    (tmp_path / "stage.py").write_text(_STAGE)
    # The outer shell ends at once, as a killed DVC does; the inner one waits for the stage.
    stage = f"sleep 0.5; {sys.executable} {tmp_path}/stage.py {tmp_path}; touch {tmp_path}/over"
    environment = {key: value for key, value in os.environ.items() if key != "DVC_STAGE"}
    if by_dvc:
        environment["DVC_STAGE"] = "train"
    command = f"sh -c '{stage}' >/dev/null 2>&1 &"
    subprocess.run(["sh", "-c", command], env=environment, check=True)
    end = time.monotonic() + 60.0
    while not (tmp_path / "over").exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    if (tmp_path / "grandparent").read_text() != "1":
        pytest.skip("orphans come to another process than init here")
    assert (tmp_path / "alive").exists() != by_dvc
