"""Threads that wait do not spin: a busy neighbour costs its share of the processor, not more."""

import os
import subprocess
import sys

import pytest
from imports import ROOT

AT_TORCH = """
import os, runpy, sys
class AtTorch:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print(os.environ.get("GOMP_SPINCOUNT"))
            sys.stdout.flush()
            os._exit(0)
sys.meta_path.insert(0, AtTorch())
runpy.run_path(sys.argv[1], run_name="program")
os._exit(1)
"""


def spin_count(program: str, **given: str) -> str:
    """Return what the OpenMP library of torch would read in a program started with these."""
    kept = {k: v for k, v in os.environ.items() if k not in {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}}
    command = [sys.executable, "-c", AT_TORCH, str(ROOT / program)]
    done = subprocess.run(
        command, env={**kept, **given}, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize("program", ["stages/train.py", "stages/evaluate.py", "stages/export.py"])
def test_a_stage_sets_the_spin_count_before_torch_is_loaded(program: str) -> None:
    """Whoever starts a stage, DVC, torchrun or a person, its threads sleep while they wait."""
    assert spin_count(program) == "1000"


def test_a_persons_own_setting_wins() -> None:
    """A spin count or a wait policy that is set already stays as it is."""
    assert spin_count("stages/train.py", GOMP_SPINCOUNT="7") == "7"
    assert spin_count("stages/train.py", OMP_WAIT_POLICY="active") == "None"
