"""Imported sets under DVC: git holds ``NAME.dvc``, the cache holds the images."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from blemish.errors import DataError


def pointer(folder: Path) -> Path:
    """Return the ``.dvc`` file of a set."""
    return folder.with_name(f"{folder.name}.dvc")


def track_with_dvc(root: Path, path: Path) -> None:
    """Put a new set or start under DVC; when that fails it is removed again.

    Args:
        root: The checkout.
        path: A folder or a file inside it.

    Raises:
        DataError: DVC refused, for instance because ``dvc repro`` is running.
    """
    target = path.relative_to(root).as_posix()
    command = [sys.executable, "-m", "dvc", "add", target]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
        raise DataError(
            f"DVC did not take {target}: {_reason(done.stderr)}\nNothing was added; "
            "once that is fixed, repeat the command. What was there before comes back with: "
            f"dvc checkout {target}.dvc"
        )


def _reason(said: str) -> str:
    """Return DVC's own error, without its progress and colours."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said)
    return plain[max(plain.rfind("ERROR:"), 0) :].removeprefix("ERROR:").strip()
