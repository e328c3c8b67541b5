"""Tests of stages/generate.py: a whole set, the same bytes for any number of workers."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import yaml
from click.testing import CliRunner

from blemish.cli.preview_command import preview
from blemish.files import sha256_tree
from blemish.sets import read_set

ROOT = Path(__file__).resolve().parents[3]


def generate(folder: Path, workers: int) -> Path:
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["generate"] |= {"images": 24, "size": 64}
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    out = folder / f"set_{workers}"
    subprocess.run(
        [sys.executable, str(ROOT / "stages" / "generate.py"), "--out", str(out)],
        cwd=folder,
        env=os.environ | {"BLEMISH_WORKERS": str(workers)},
        check=True,
        capture_output=True,
    )
    return out


def test_workers_change_no_byte(tmp_path: Path) -> None:
    """One process and two write the same set, which reads back whole."""
    one, two = generate(tmp_path, 1), generate(tmp_path, 2)
    assert sha256_tree(one) == sha256_tree(two)
    images = read_set(one)
    assert len(images) == 24
    assert (one / "contact_sheet.png").stat().st_size > 10_000
    assert any(row.defective for row in images.rows)
    assert {row.attributes["surface"] for row in images.rows}


def test_preview_writes_a_sheet(tmp_path: Path) -> None:
    """``blemish preview`` draws the current params, and another seed draws other images."""
    sheets = []
    for seed in ("1", "2"):
        out = tmp_path / f"{seed}.png"
        result = CliRunner().invoke(preview, ["--out", str(out), "--seed", seed, "--plain"])
        assert result.exit_code == 0, result.output
        sheets.append(cv2.imread(str(out)))
    assert sheets[0].shape == sheets[1].shape
    assert (sheets[0] != sheets[1]).any()
