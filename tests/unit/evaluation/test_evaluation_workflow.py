"""Evaluation as a whole: what it writes, repeats and refuses."""

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image
from small_world import (
    read_json,
    tree_bytes,
    write_data,
    write_nothing,
    write_split,
    write_trained,
)
from tiny_finetuning import DRAWING
from unit.evaluation.tiny_evaluation import made_up_results, params, silently, write_photographs

from blemish.errors import DataError, ModelFileError
from blemish.evaluation import SplitFolders, evaluate
from blemish.evaluation.evaluation_workflow import Verdict
from blemish.evaluation.fast_network import load_fast, probability_of
from blemish.evaluation.reports import write_images
from blemish.metrics import Counts
from blemish.model import Probability, load_trained
from blemish.operating_point import LEVELS
from blemish.packed import (
    JoinedSet,
    PackedSet,
)


class World(NamedTuple):
    data: SplitFolders
    trained: Path
    out: Path
    reports: Path
    verdict: Verdict


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Evaluate a small trained network once."""
    root = tmp_path_factory.mktemp("evaluation")
    data = SplitFolders(write_nothing(root / "synthetic"), write_data(root / "data"))
    trained = write_trained(root / "trained")
    verdict = evaluate(
        data, trained, root / "out", root / "reports", params(), drawing=DRAWING, track=silently
    )
    return World(data, trained, root / "out", root / "reports", verdict)


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(path.read_bytes())))


def rows(world: World) -> list[dict[str, str]]:
    with (world.out / "per_image.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_headline_metrics_are_few_and_follow_from_the_images(world: World) -> None:
    """metrics.json holds ten numbers at most, and pooled Dice is that of the listed pixels."""
    metrics = read_json(world.reports / "metrics.json")
    assert len(metrics) <= 10
    assert metrics["test_dice"] > 0.8
    counts = sum(
        (Counts(*(int(row[k]) for k in ("tp", "fp", "fn", "tn"))) for row in rows(world)),
        Counts(),
    )
    assert metrics["test_dice"] == pytest.approx(counts.dice, abs=1e-6)
    assert metrics["test_iou"] == pytest.approx(counts.iou, abs=1e-6)
    means = [float(row["dice"]) for row in rows(world)]
    overall = read_json(world.out / "details.json")["overall"]
    assert overall["dice_mean"]["value"] == pytest.approx(np.mean(means), abs=1e-5)


def test_details_break_results_down(world: World) -> None:
    """Sets, classes, sizes and visibilities each get metrics; their defects add up to all."""
    details = read_json(world.out / "details.json")
    assert set(details["sets"]) == {"alpha", "beta"}
    assert set(details["classes"]) == {"pit", "scratch"}
    for part in ("classes", "width", "area", "visibility"):
        assert sum(group["defects"] for group in details[part].values()) == 24
    assert set(details["visibility"]) == {"faint", "clearly visible"}
    assert set(details["width"]) == {"4 to 8 px", "unknown"}
    low, high = details["overall"]["dice"]["interval_95"]
    assert low <= details["overall"]["dice"]["value"] <= high
    assert read_json(world.out / "per_class.json") == details["classes"]


def test_the_same_inputs_give_the_same_bytes(world: World, tmp_path: Path) -> None:
    """A second evaluation elsewhere writes the same files, none of which names a path."""
    out, reports = tmp_path / "a much longer path" / "out", tmp_path / "reports"
    evaluate(world.data, world.trained, out, reports, params(), drawing=DRAWING, track=silently)
    for first, second in ((world.out, out), (world.reports, reports)):
        assert tree_bytes(first) == tree_bytes(second)
        assert not [n for n, data in tree_bytes(second).items() if str(tmp_path).encode() in data]


def test_kept_test_images_are_those_of_the_split(world: World) -> None:
    """Every image and mask is kept under the unique name of per_image.csv, mask 0 or 255."""
    for row in rows(world):
        image = pixels(world.out / "test_images" / f"{row['image_id']}.png")
        mask = pixels(world.out / "test_masks" / f"{row['image_id']}.png")
        assert image.shape == mask.shape
        assert set(np.unique(mask)) <= {0, 255}
        assert (mask > 0).sum() == int(row["tp"]) + int(row["fn"])
        assert row["image_id"].startswith(row["set"])


def test_kept_test_images_stay_below_the_cap(tmp_path: Path) -> None:
    """Above the cap images are left out, and the number that was kept is returned."""
    write_split(tmp_path, "test", 200, 5)
    packed = PackedSet.open(tmp_path, "test")
    template = made_up_results(1)[0]
    results = [replace(template, index=i, image_id=f"{i}") for i in range(200)]
    kept = write_images(tmp_path / "out", "test", JoinedSet.of(packed), results, megabytes=1)
    sizes = [len(data) for data in tree_bytes(tmp_path / "out").values()]
    assert sum(sizes) <= 1_000_000
    assert kept * 2 == len(sizes) < 400


def test_gallery_names_stay_while_images_change(world: World) -> None:
    """The worst images have their rank as name, examples their class, so two galleries align."""
    names = set(tree_bytes(world.reports / "gallery"))
    assert {f"worst-{k:02}.png" for k in range(1, 19)} <= names
    assert {"example-free-1.png", "example-pit-1.png", "example-scratch-2.png"} <= names
    height, width, channels = pixels(world.reports / "gallery" / "worst-01.png").shape
    assert channels == 3
    assert height > 96
    assert width > 4 * 96


def test_curves_are_tables_for_dvc(world: World) -> None:
    """Each curve is a CSV with a header; recall falls as the threshold rises."""
    curves = {n: d.decode() for n, d in tree_bytes(world.reports / "curves").items()}
    assert set(curves) == {"classes.csv", "pr.csv", "reliability.csv", "threshold.csv"}
    table = list(csv.DictReader(io.StringIO(curves["threshold.csv"])))
    recalls = [float(row["recall"]) for row in table]
    assert recalls == sorted(recalls, reverse=True)
    assert len(table) == len(LEVELS)
    own = next(r for r in table if float(r["threshold"]) == world.verdict.choice.threshold)
    assert float(own["dice"]) == pytest.approx(world.verdict.metrics["test_dice"], abs=1e-6)


def test_the_fast_network_answers_as_the_trained_one(world: World) -> None:
    """Folding and reordering change probabilities by rounding only."""
    plane = PackedSet.open(world.data.real, "test").image(1)
    plain = Probability(load_trained(world.trained))
    fast = load_fast(world.trained)
    assert not any(isinstance(layer, torch.nn.BatchNorm2d) for layer in fast.modules())
    np.testing.assert_allclose(probability_of(fast, plane), probability_of(plain, plane), atol=1e-5)


def test_an_empty_split_is_refused(tmp_path: Path) -> None:
    """A test split without images names the param that makes it larger."""
    data = SplitFolders(write_nothing(tmp_path / "synthetic"), write_data(tmp_path / "data"))
    trained = write_trained(tmp_path / "trained")
    write_split(data.real, "test", 0, 1)
    with pytest.raises(DataError, match="test"):
        evaluate(
            data, trained, tmp_path / "o", tmp_path / "r", params(), drawing=DRAWING, track=silently
        )


@pytest.mark.parametrize("damage", [b"", b"no weights", None])
def test_corrupt_weights_are_refused(tmp_path: Path, damage: bytes | None) -> None:
    """Missing or corrupt weights name the command that makes them again."""
    data = SplitFolders(write_nothing(tmp_path / "synthetic"), write_data(tmp_path / "data"))
    trained = write_trained(tmp_path / "trained")
    if damage is None:
        (trained / "weights.pt").unlink()
    else:
        (trained / "weights.pt").write_bytes(damage)
    with pytest.raises(ModelFileError, match="dvc repro train"):
        evaluate(
            data, trained, tmp_path / "o", tmp_path / "r", params(), drawing=DRAWING, track=silently
        )
    assert not (tmp_path / "r").exists()


NOWHERE = np.arange(96 * 96).reshape(96, 96) % 96 < 2
"""A region of interest that holds no defect: the two columns at the left."""


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Evaluate on test images whose defects lie outside the region of interest."""
    root = tmp_path_factory.mktemp("limited")
    data = SplitFolders(write_nothing(root / "synthetic"), write_nothing(root / "real"))
    write_photographs(data.real, "val", 2, defective=True)
    write_photographs(data.real, "test", 2, defective=True, region=NOWHERE)
    trained = write_trained(root / "trained")
    verdict = evaluate(
        data, trained, root / "out", root / "reports", params(), drawing=DRAWING, track=silently
    )
    return World(data, trained, root / "out", root / "reports", verdict)


def test_nothing_counts_outside_the_region_of_interest(limited: World) -> None:
    """Truth and marks there are left out of every metric."""
    counted = read_json(limited.out / "details.json")["overall"]["pixels"]
    assert counted["tp"] == counted["fp"] == counted["fn"] == 0


def test_the_gallery_shows_no_mark_that_no_metric_counts(limited: World) -> None:
    """The overlay of an image that is marked outside its region only is the image, in grey."""
    overlay = pixels(limited.reports / "gallery" / "worst-01.png")[-90:, -90:]
    assert (overlay == overlay[..., :1]).all()


def test_regions_of_interest_are_kept_where_there_are_any(world: World, limited: World) -> None:
    """The gate limits its counts by them; a set without one leaves no further file."""
    for row in rows(limited):
        kept = pixels(limited.out / "test_regions" / f"{row['image_id']}.png")
        assert np.array_equal(kept, np.where(NOWHERE, 255, 0))
    assert not (limited.out / "val_regions").exists()
    assert not list(world.out.glob("*_regions"))
