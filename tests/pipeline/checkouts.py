"""A copy of the repository at small size, in which a real ``dvc repro`` takes seconds."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]

SMALL = {
    "generate": {"images": 40, "size": 64},
    "preprocess": {"split": {"val": 0.1, "test": 0.15, "hold_out": None}},
    "train": {"epochs": 2, "crops": 64, "crop": 64},
    "finetune": {
        "steps": {"least": 40, "per_image": 0.0, "most": 40},
        "crop": 64,
        "batch": 4,
        "drawn_images": 12,
    },
    "evaluate": {},
    "export": {},
}


@dataclass(frozen=True)
class Checkout:
    """A checkout of the project, and its programs."""

    root: Path

    def run(self, *command: str, check: bool = True, **environment: str) -> "Output":
        """Run a program of the environment in the checkout, with the environment not activated."""
        program = str(self.root / ".venv" / "bin" / command[0])
        finished = subprocess.run(
            [program, *command[1:]],
            cwd=self.root,
            env=clean_environment() | environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        output = Output(finished.returncode, finished.stdout + finished.stderr)
        assert not check or output.status == 0, output.text
        return output

    def git(self, *words: str) -> str:
        return subprocess.run(
            ["git", "-c", "user.name=test", "-c", "user.email=test@example.org", *words],
            cwd=self.root,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def edit_params(self, **blocks: dict[str, Any]) -> None:
        """Change values of ``params.yaml``."""
        file = self.root / "params.yaml"
        params = yaml.safe_load(file.read_text(encoding="utf-8"))
        for block, values in blocks.items():
            params[block].update(values)
        file.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")

    def lock(self) -> str:
        return (self.root / "dvc.lock").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Output:
    """How a program ended."""

    status: int
    text: str


def clean_environment() -> dict[str, str]:
    """The environment without an activated one, a tracking server or DVC's own variables."""
    drop = ("VIRTUAL_ENV", "MLFLOW_", "DVC_", "PYTHONPATH", "BLEMISH_WORKERS", "PYTEST_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(drop)}
    bins = str(ROOT / ".venv" / "bin")
    kept["PATH"] = os.pathsep.join(p for p in kept["PATH"].split(os.pathsep) if p != bins)
    return kept | {"DVC_NO_ANALYTICS": "1"}


def copy_checkout(target: Path) -> Checkout:
    """Copy what git tracks, and what it would track, to ``target``; commit it there."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    (target / ".venv").symlink_to(ROOT / ".venv")
    (target / "dvc.lock").unlink(missing_ok=True)
    checkout = Checkout(target)
    checkout.edit_params(**SMALL)
    checkout.git("init", "-q", "-b", "main")
    checkout.git("add", "-A")
    checkout.git("commit", "-q", "-m", "Copy")
    return checkout
