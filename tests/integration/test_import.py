"""``blemish import`` and the preprocess stage as a person runs them, with git and DVC."""

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from blemish.cli.import_command import import_set
from blemish.config import settings
from blemish.packed import SPLITS, PackedSet
from blemish.sets import LabelledDefect, SetWriter, read_set

REPOSITORY = Path(__file__).resolve().parents[2]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the pipeline's description, an empty ``data/real`` and nothing run yet."""
    root = tmp_path / "checkout"
    for folder in ("src", "stages", "deploy/locks"):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(REPOSITORY / folder, root / folder, ignore=ignored)
    for name in ("params.yaml", "dvc.yaml", ".gitignore", ".dvcignore"):
        shutil.copy(REPOSITORY / name, root / name)
    (root / "data" / "real").mkdir(parents=True)
    (root / "data" / "real" / ".gitkeep").touch()
    git(root, "init", "-q", "-b", "main")
    (root / ".dvc").mkdir()
    for name in ("config", ".gitignore"):
        shutil.copy(REPOSITORY / ".dvc" / name, root / ".dvc" / name)
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "Start")
    return root


def git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Tester", "-c", "user.email=tester@example.com"]
    command = ["git", "-C", str(root), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def environment(root: Path) -> dict[str, str]:
    ours = {"PYTHONPATH": str(root / "src"), "BLEMISH_WORKERS": "1", "DVC_NO_ANALYTICS": "1"}
    return os.environ | ours  # one process: the sets are tiny


@pytest.fixture
def blemish(checkout: Path) -> Run:
    """Run ``blemish`` in the checkout."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "blemish", *map(str, arguments)]
        return subprocess.run(
            command,
            cwd=checkout,
            env=environment(checkout),
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def save(path: Path, plane: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), plane)


def make_source(root: Path, images: int = 12) -> Path:
    for index in range(images):
        plane = np.random.default_rng(index).integers(0, 256, (40, 50), dtype=np.uint8)
        mask = np.zeros_like(plane)
        mask[5:9, 5 : 20 + index] = 255 * (index % 2)
        save(root / "images" / f"{index}.png", plane)
        save(root / "masks" / f"{index}.png", mask)
    return root


def make_synthetic(folder: Path) -> None:
    with SetWriter(folder, "synthetic", "synthetic") as writer:
        for index in range(12):
            plane = np.random.default_rng(100 + index).integers(0, 256, (64, 64), dtype=np.uint8)
            mask = np.zeros(plane.shape, bool)
            mask[9:12, 5:50] = index % 2
            defects = [LabelledDefect("scratch", mask)] if index % 2 else []
            writer.add(f"s{index:02}", plane, mask, group=f"s{index:02}", defects=defects)


def preprocess(checkout: Path, real_sets: list[str]) -> subprocess.CompletedProcess[str]:
    path = checkout / "params.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("real_sets: []", f"real_sets: {json.dumps(real_sets)}"))
    folders = ["--synthetic", "data/synthetic", "--real", "data/real"]
    folders += ["--synthetic-out", "data/processed/synthetic", "--real-out", "data/processed/real"]
    return subprocess.run(
        [sys.executable, "-P", "stages/preprocess.py", *folders],
        cwd=checkout,
        env=environment(checkout),
        capture_output=True,
        text=True,
        check=False,
    )


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def test_an_import_is_tracked_told_and_repeatable(
    checkout: Path, blemish: Run, tmp_path: Path
) -> None:
    """The set appears with its sheet and metrics, git holds a pointer, and again writes nothing."""
    source = make_source(tmp_path / "source")
    done = blemish("import", source, "--name", "plates")
    assert done.returncode == 0, done.stderr
    assert "Layout pairs" in done.stdout
    assert "each image is its own group" in done.stdout
    folder = checkout / "data/real/plates"
    present = {path.name for path in folder.iterdir()}
    assert present == {
        "images",
        "masks",
        "index.csv",
        "defects.jsonl",
        "set.json",
        "statistics.json",
        "contact_sheet.png",
    }
    assert json.loads((folder / "statistics.json").read_text())["defects"] == {"defect": 6}
    assert cv2.imread(str(folder / "contact_sheet.png")).shape[2] == 3
    git(checkout, "add", "data/real")
    assert git(checkout, "diff", "--cached", "--name-only").split() == [
        "data/real/.gitignore",
        "data/real/plates.dvc",
    ]
    before = contents(checkout / "data")
    again = blemish("import", source, "--name", "plates", "--json")
    assert json.loads(again.stdout) == {
        "name": "plates",
        "layout": "pairs",
        "unchanged": True,
        "images": 12,
        "defective": 6,
        "clean": 0,
        "groups": 12,
        "defective_groups": 6,
        "grouping": "each image is its own group",
        "classes": ["defect"],
        "region": False,
        "bits": None,
        "taken": 12,
        "left_out": {},
        "remarks": {},
        "lacks": [],
        "folder": "data/real/plates",
        "tracked_by": "data/real/plates.dvc",
    }
    assert contents(checkout / "data") == before


def test_another_source_needs_force(checkout: Path, blemish: Run, tmp_path: Path) -> None:
    """A set is not replaced by accident; with --force it is, and DVC follows."""
    source = make_source(tmp_path / "source")
    assert blemish("import", source, "--name", "plates").returncode == 0
    pointer = (checkout / "data/real/plates.dvc").read_text()
    save(source / "images" / "0.png", np.full((40, 50), 9, np.uint8))
    refused = blemish("import", source, "--name", "plates")
    assert refused.returncode == 1
    assert "Replace it with --force" in refused.stderr
    assert (checkout / "data/real/plates.dvc").read_text() == pointer
    assert blemish("import", source, "--name", "plates", "--force").returncode == 0
    assert (checkout / "data/real/plates.dvc").read_text() != pointer
    assert (read_set(checkout / "data/real/plates").image(0) == 9).all()


def test_a_refused_import_leaves_nothing(checkout: Path, blemish: Run, tmp_path: Path) -> None:
    """Each bad file is on one line of stderr, the exit status is 1, and ``data/real`` is clean."""
    source = make_source(tmp_path / "source")
    save(source / "masks" / "1.png", np.zeros((4, 4), np.uint8))
    save(source / "masks" / "stray.png", np.zeros((40, 50), np.uint8))
    done = blemish("import", source, "--name", "plates")
    assert done.returncode == 1
    assert done.stderr.count("masks/1.png") == done.stderr.count("masks/stray.png") == 1
    assert "Nothing was imported" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in (checkout / "data/real").iterdir()] == [".gitkeep"]


def test_a_set_that_dvc_refuses_is_taken_back(checkout: Path, blemish: Run, tmp_path: Path) -> None:
    """When DVC refuses the set its reason is told, and nothing stays behind."""
    (checkout / ".dvcignore").write_text("data/real/plates\n")
    done = blemish("import", make_source(tmp_path / "source"), "--name", "plates")
    assert done.returncode == 1
    assert "DVC did not take data/real/plates" in done.stderr
    assert "is ignored by .dvcignore" in " ".join(done.stderr.split())
    assert [path.name for path in (checkout / "data/real").iterdir()] == [".gitkeep"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--name", "../up"], "accepted: letters, digits"),
        (["--name", ""], "accepted: letters, digits"),
        (["--name", ".hidden"], "accepted: letters, digits"),
        (["--name", "2024-06-01"], "choose another, such as set-2024-06-01"),
        (["--name", "0123"], "is no text in params.yaml"),
        (["--name", "1e3"], "is no text in params.yaml"),
        (["--name", "yes"], "is no text in params.yaml"),
        (["--name", "null"], "is no text in params.yaml"),
        (["--name", "synthetic"], "the set that the generator draws"),
        (["--name", "x", "--defect-values", "a"], "accepted: whole numbers"),
        (["--name", "x", "--defect-values", "70000"], "accepted: whole numbers"),
        (["--name", "x", "--bits", "17"], "8<=x<=16"),
        (["--name", "x", "--clean", "--soft-masks"], "--soft-masks say how labels are read"),
        (["--name", "x", "--unmasked-free", "--unmasked-skip"], "contradict each other"),
    ],
)
def test_options_that_cannot_be_meant_are_usage_errors(options: list[str], said: str) -> None:
    """Names that are paths or that YAML reads as no text, and contradictions: status 2."""
    done = CliRunner().invoke(import_set, [".", *options])
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())


def test_the_stage_uses_an_imported_set(checkout: Path, blemish: Run, tmp_path: Path) -> None:
    """A set named in ``params.yaml`` is in the real splits; one that is only there is not.

    The synthetic splits are the same bytes without it, so that choosing a set trains nothing anew.
    """
    make_synthetic(checkout / "data/synthetic")
    assert blemish("import", make_source(tmp_path / "source"), "--name", "plates").returncode == 0
    shutil.copytree(checkout / "data/real/plates", checkout / "data/real/unused")
    done = preprocess(checkout, [])
    assert done.returncode == 0, done.stderr
    before = {path: data for path, (_, data) in contents(checkout / "data/processed").items()}
    empty = [PackedSet.open(checkout / "data/processed/real", split) for split in SPLITS]
    assert [len(one) for one in empty] == [0, 0, 0]
    done = preprocess(checkout, ["plates"])
    assert done.returncode == 0, done.stderr
    after = {path: data for path, (_, data) in contents(checkout / "data/processed").items()}
    assert {p for p in after if before[p] != after[p]} == {p for p in after if "/real/" in p}
    packed = [PackedSet.open(checkout / "data/processed/real", split) for split in SPLITS]
    for one in packed:
        assert {one.annotation(index).set_name for index in range(len(one))} == {"plates"}
    assert sum(map(len, packed)) == 12


def test_the_stage_refuses_a_spoilt_set(checkout: Path, blemish: Run, tmp_path: Path) -> None:
    """Files spoilt after the import fail the stage by name, with no output at all."""
    make_synthetic(checkout / "data/synthetic")
    assert blemish("import", make_source(tmp_path / "source"), "--name", "plates").returncode == 0
    save(checkout / "data/real/plates/masks/1.png", np.full((40, 50), 3, np.uint8))
    save(checkout / "data/synthetic/masks/s03.png", np.zeros((5, 5), np.uint8))
    done = preprocess(checkout, ["plates"])
    assert done.returncode == 1
    assert "2 files cannot be used" in done.stderr
    assert done.stderr.count("plates/masks/1.png") == 1
    assert done.stderr.count("synthetic/masks/s03.png") == 1
    assert "Traceback" not in done.stderr
    assert not list((checkout / "data").glob("processed/*"))


def test_a_set_that_was_never_imported_is_named(checkout: Path) -> None:
    """The stage says which set is missing and how it comes."""
    make_synthetic(checkout / "data/synthetic")
    done = preprocess(checkout, ["nowhere"])
    assert done.returncode == 1
    assert "data/real/nowhere" in done.stderr
    assert "blemish import SOURCE" in done.stderr


def test_magnetic_tile_comes_whole(checkout: Path, blemish: Run) -> None:
    """The real tiles: one empty mask is told, the rest agrees with their own table."""
    real = settings().real_data
    if real is None:
        pytest.skip("BLEMISH_REAL_DATA names no folder of real sets")
    source = real / "magnetic-tile"
    refused = blemish("import", source, "--name", "tiles")
    assert refused.returncode == 1
    assert "MT_Uneven/Imgs/exp4_num_124690.png: an empty mask" in refused.stderr
    done = blemish("import", source, "--name", "tiles", "--empty-masks", "free")
    assert done.returncode == 0, done.stderr
    images = read_set(checkout / "data/real/tiles")
    with (source / "groups.csv").open(encoding="utf-8") as stream:
        rows = {row["image"]: row for row in csv.DictReader(stream)}
    assert len(images) == len(rows) == 1029
    assert sum(row.defective for row in images.rows) == 306
    for row in images.rows:
        theirs = rows[row.attributes["file"]]
        assert row.group == theirs["group"]
        assert images.classes_of(row.image_id) <= {theirs["class"]}
