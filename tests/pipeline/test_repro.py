"""``dvc repro`` from nothing to a registered champion, at small size."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import cv2
import yaml
from pipeline.checkouts import Checkout, copy_checkout


def versions(checkout: Checkout) -> list[tuple[int, str]]:
    """Every version in the store of a checkout with its precision."""
    listed = json.loads(checkout.run("blemish", "models", "--json").text)
    return sorted((entry["version"], entry["precision"]) for entry in listed["versions"])


def runs(checkout: Checkout) -> int:
    """How many MLflow runs the store holds."""
    with closing(sqlite3.connect(checkout.root / "mlflow.db")) as database:
        return database.execute("select count(*) from runs").fetchone()[0]


def champion(checkout: Checkout) -> dict:
    listed = json.loads(checkout.run("blemish", "models", "--json").text)["versions"]
    return next(entry for entry in listed if "champion" in entry["aliases"])


def test_repro_registers_two_versions_and_a_champion(reproduced: Checkout) -> None:
    """One repro leaves one run, an fp32 and an int8 version, and the fp32 one as champion."""
    assert versions(reproduced) == [(1, "fp32"), (2, "int8")]
    assert runs(reproduced) == 1
    assert champion(reproduced)["precision"] == "fp32"


def test_second_repro_runs_no_stage(reproduced: Checkout) -> None:
    """Nothing changed, so nothing runs and the status is clean."""
    assert "up to date" in reproduced.run("dvc", "status").text
    assert "Running stage" not in reproduced.run("dvc", "repro").text


def test_a_start_counts_once_it_is_chosen(reproduced: Checkout, tmp_path: Path) -> None:
    """A start that nobody chose reruns nothing."""
    shutil.copytree(reproduced.root, tmp_path / "copy", symlinks=True)
    copy = Checkout(tmp_path / "copy")
    (copy.root / "models" / "starts" / "line-2.pt").write_bytes(b"weights of line 2")
    assert "up to date" in copy.run("dvc", "status").text
    copy.edit_params(finetune={"start": "line-2"})
    assert "finetune:" in copy.run("dvc", "status", "finetune").text


def test_a_set_adapts_the_network_and_reruns_no_training(
    reproduced: Checkout, tmp_path: Path
) -> None:
    """Labelled photographs go from import to two versions; generate and train stay as they are."""
    shutil.copytree(reproduced.root, tmp_path / "copy", symlinks=True)
    copy, photographs = Checkout(tmp_path / "copy"), tmp_path / "photographs"
    for kind in ("images", "masks"):
        (photographs / kind).mkdir(parents=True)
        for path in sorted((copy.root / "data" / "synthetic" / kind).glob("*.png")):
            mirrored = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)[:, ::-1]
            cv2.imwrite(str(photographs / kind / path.name), mirrored)
    copy.run("blemish", "import", str(photographs), "--name", "line-3", "--empty-masks", "free")
    copy.git("add", "data/real")
    copy.git("commit", "-q", "-m", "Import line-3")
    said = copy.run("dvc", "exp", "run", "-S", "preprocess.real_sets=[line-3]").text
    stages = [line.split("'")[1] for line in said.splitlines() if "Running stage" in line]
    assert stages == ["preprocess", "finetune", "evaluate", "export"]
    assert "of the test images of line-3" in said
    metrics = json.loads((copy.root / "reports" / "metrics.json").read_text())
    assert {"test_dice", "synthetic_dice", "clean_marked_bound"} <= set(metrics)
    assert len(versions(copy)) == len(versions(reproduced)) + 2


def test_outputs_of_ones_own_stay_after_a_commit(reproduced: Checkout, tmp_path: Path) -> None:
    """What was made beside DVC, as by torchrun, is committed by a command, and repro leaves it."""
    shutil.copytree(reproduced.root, tmp_path / "copy", symlinks=True)
    copy = Checkout(tmp_path / "copy")
    curves = copy.root / "reports" / "training.csv"
    own = curves.read_text().replace("0.", "1.", 1)
    curves.write_text(own)
    copy.run("dvc", "commit", "-f", "train")
    assert "Running stage" not in copy.run("dvc", "repro", "train").text
    assert curves.read_text() == own


def test_lost_store_comes_back_once(reproduced: Checkout) -> None:
    """After the database is deleted, sync restores runs, versions and champion, and only once."""
    before = champion(reproduced)["sha256"]
    (reproduced.root / "mlflow.db").unlink()
    reproduced.run("blemish", "sync")
    reproduced.run("blemish", "sync")
    assert versions(reproduced) == [(1, "fp32"), (2, "int8")]
    assert runs(reproduced) == 1
    assert champion(reproduced)["sha256"] == before


def test_path_and_workers_change_no_byte(reproduced: Checkout, tmp_path: Path) -> None:
    """Another, longer path and one worker give a dvc.lock equal to the byte."""
    other = copy_checkout(tmp_path / "another" / "and-much-longer" / "path-of-a-checkout")
    other.run("dvc", "repro", BLEMISH_WORKERS="1")
    assert other.lock() == reproduced.lock()


def test_temporary_experiment_records_in_the_root(reproduced: Checkout) -> None:
    """``dvc exp run --temp`` adds a run and two versions to the store of the main checkout."""
    before = len(versions(reproduced))
    reproduced.run("dvc", "exp", "run", "--temp", "-S", "train.epochs=1")
    assert len(versions(reproduced)) == before + 2


def test_prediction_from_the_registry(reproduced: Checkout, tmp_path: Path) -> None:
    """The champion marks an image through the command line, wherever the command runs."""
    image = next((reproduced.root / "data" / "synthetic" / "images").glob("*.png"))
    reproduced.run("blemish", "predict", str(image), "--out", str(tmp_path / "out"))
    assert (tmp_path / "out" / f"{image.stem}.mask.png").is_file()


def test_dvc_shows_its_views(reproduced: Checkout) -> None:
    """The graph has every stage, ten metrics fit side by side, each plot has its units."""
    pipeline = yaml.safe_load((reproduced.root / "dvc.yaml").read_text(encoding="utf-8"))
    graph = reproduced.run("dvc", "dag").text
    assert all(stage in graph for stage in pipeline["stages"])
    shown = json.loads(reproduced.run("dvc", "metrics", "show", "--json").text)
    assert 1 <= len(shown[""]["data"]["reports/metrics.json"]["data"]) <= 10
    experiments = reproduced.run("dvc", "exp", "show", "--only-changed", "--csv").text
    assert "rev" in experiments.partition("\n")[0].split(",")
    reproduced.run("dvc", "metrics", "diff")
    drawn = json.loads(reproduced.run("dvc", "plots", "diff", "--json").text)
    assert "errors" not in drawn
    for plot in pipeline["plots"]:
        if isinstance(plot, dict):
            title, about = next(iter(plot.items()))
            assert title in drawn["data"]
            assert about["x_label"]
            assert about["y_label"]
