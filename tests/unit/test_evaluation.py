import csv
import io
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from scipy.stats import beta
from sklearn.metrics import roc_auc_score
from small_world import (
    draw,
    read_json,
    tree_bytes,
    write_data,
    write_nothing,
    write_split,
    write_trained,
)
from tiny_finetuning import DRAWING

from blemish import files
from blemish.config import load_params
from blemish.config.drawing import DrawnWeights
from blemish.config.evaluate import Evaluate
from blemish.errors import DataError, ModelFileError
from blemish.evaluation import SplitFolders, evaluate
from blemish.evaluation.basis import DRAWN, choose_basis, read_folds
from blemish.evaluation.evaluation_workflow import Verdict, answers
from blemish.evaluation.fast_network import load_fast, probability_of
from blemish.evaluation.judging import ImageResult, judge_defects, judge_image, unique_ids
from blemish.evaluation.reports import write_images
from blemish.evaluation.summary import Table, summarize, visibility_of, width_of
from blemish.metrics import Counts, ObjectCounts
from blemish.model import Probability, load_trained
from blemish.operating_point import LEVELS, OperatingPoint
from blemish.packed import (
    JoinedSet,
    PackedDefect,
    PackedRecord,
    PackedSet,
    PackedWriter,
    pack_image,
)

ROOT = Path(__file__).parents[2]


def params(**changes: object) -> Evaluate:
    """Take the block of params.yaml, small enough for tests."""
    block = load_params(ROOT / "params.yaml").evaluate
    return block.model_copy(update={"threads": 1, **changes})


def silently(numbers: Iterable[int], _total: int, _what: str) -> Iterable[int]:
    return numbers


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


def test_false_marks_count_for_the_nearest_defect() -> None:
    """Counts by defect add up to those of the image."""
    instances = np.zeros((10, 30), np.uint16)
    instances[5, 2:6], instances[5, 24:28] = 1, 2
    predicted = np.zeros((10, 30), bool)
    predicted[5, 2:9] = True
    predicted[0, 29] = True
    first, second = judge_defects(
        predicted, instances, [PackedDefect("a", 4), PackedDefect("b", 4)], 0.5
    )
    assert first.counts == Counts(tp=4, fp=3, fn=0)
    assert second.counts == Counts(tp=0, fp=1, fn=4)
    assert (first.found, second.found) == (True, False)
    assert (first.coverage, second.coverage) == (1.0, 0.0)


def test_sizes_and_visibilities_are_binned() -> None:
    """A value on a bin's end belongs to the bin above it; an unknown one to its own."""
    assert width_of(PackedDefect("a", 5, width_px=2.0)) == "2 to 4 px"
    assert width_of(PackedDefect("a", 5, width_px=1.9)) == "below 2 px"
    assert visibility_of(PackedDefect("a", 5, contrast_to_noise=5.0)) == "clearly visible"
    assert visibility_of(PackedDefect("a", 5)) == "unknown"


def made_up_results(count: int) -> list[ImageResult]:
    rng = np.random.default_rng(4)
    results = []
    for i in range(count):
        instances = np.zeros((16, 16), np.uint16)
        defects: tuple[PackedDefect, ...] = ()
        if i % 3:
            instances[4:8, 4:8], defects = 1, (PackedDefect("pit", 16),)
        probability = (rng.random((16, 16)) * 0.6 + 0.4 * (instances > 0)).astype(np.float32)
        record = PackedRecord(f"{i}", "set", f"{i // 2}", 16, 16, defects, {})
        results.append(
            judge_image(
                i,
                f"{i}",
                record,
                probability=probability,
                instances=instances,
                point=OperatingPoint(0.55),
                params=params(),
            )
        )
    return results


def test_weighted_table_equals_plain_sums() -> None:
    """The table's metrics are those of adding up counts, at weight one and at others."""
    results = made_up_results(12)
    weights = np.random.default_rng(0).integers(0, 3, 12)
    drawn = [r for r, weight in zip(results, weights, strict=True) for _ in range(weight)]
    ours = Table(results).metrics(weights[None].astype(float))
    pixels = sum((r.counts for r in drawn), Counts())
    objects = sum((r.objects for r in drawn), ObjectCounts())
    free = [r.marked for r in drawn if not r.defective]
    expected = {
        "dice": pixels.dice,
        "iou": pixels.iou,
        "precision": pixels.precision,
        "recall": pixels.recall,
        "dice_mean": np.mean([r.counts.dice for r in drawn]),
        "boundary_f_mean": np.mean([r.boundary_f for r in drawn]),
        "object_f1": objects.f1,
        "object_recall": objects.recall,
        "object_precision": objects.precision,
        "pro": np.mean([d.coverage for r in drawn for d in r.defects]),
        "image_auroc": roc_auc_score([r.defective for r in drawn], [r.score for r in drawn]),
        "false_alarm_rate": np.mean(free),
    }
    for name, value in expected.items():
        assert ours[name][0] == pytest.approx(value, abs=1e-9), name


def test_undefined_metrics_are_none_and_one_group_has_no_interval() -> None:
    """Without free images there is no false-alarm rate; one part alone says nothing of others."""
    only = [made_up_results(2)[1]]
    summary = summarize(only, params().bootstrap)
    assert summary["false_alarm_rate"] == {"value": None, "interval_95": None}
    assert summary["image_auroc"]["value"] is None
    assert summary["dice"]["interval_95"] is None
    assert summary["dice"]["value"] is not None


def test_images_of_two_sets_with_one_name_are_told_apart() -> None:
    """Only ids that collide get their set's name before them."""

    def record(set_name: str, image_id: str) -> PackedRecord:
        return PackedRecord(image_id, set_name, "g", 1, 1, (), {})

    names = unique_ids([record("a", "1"), record("b", "1"), record("b", "2")])
    assert names == ("a.1", "b.1", "2")


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


def test_images_larger_than_a_tile_are_judged_at_their_own_size() -> None:
    """A result counts every pixel of an image of any size."""
    instances: npt.NDArray[np.uint16] = np.zeros((300, 520), np.uint16)
    record = PackedRecord("a", "s", "g", 520, 300, (), {})
    result = judge_image(
        0,
        "a",
        record,
        probability=np.zeros((300, 520), np.float32),
        instances=instances,
        point=OperatingPoint(0.5),
        params=params(),
    )
    assert result.counts == Counts(tn=300 * 520)
    assert not result.marked


def write_photographs(
    folder: Path,
    split: str,
    count: int,
    *,
    name: str = "line-3",
    defective: bool = False,
    region: npt.NDArray[np.bool_] | None = None,
) -> None:
    """Pack photographs of a user's set: clean ones, or ones that all show a labelled defect."""
    rng = np.random.default_rng(5)
    with PackedWriter(folder, split) as writer:
        for i in range(count):
            image, instances = draw(rng, defective=defective)
            if region is not None:
                instances[~region] = 0
            areas = np.bincount(instances.ravel(), minlength=3)
            defects = (
                PackedDefect("scratch", int(areas[1]), 4.0, 9.0),
                PackedDefect("pit", int(areas[2]), None, 1.5),
            )
            record = PackedRecord(
                *(f"{split}{i}", name, f"{split}{i}", image.shape[1], image.shape[0]),
                defects if defective else (),
                {},
                clean=not defective,
            )
            writer.add(pack_image(record, image, instances, region))


def evaluate_sets(root: Path, **real: int | bool) -> tuple[Verdict, dict[str, float]]:
    """Evaluate beside synthetic images; ``real`` says what each split of a user's set holds."""
    data = SplitFolders(write_data(root / "synthetic"), write_nothing(root / "real"))
    rename_sets(data.synthetic)
    for split in ("train", "val", "test"):
        defective = bool(real.get("defective")) and split != real.get("clean_only_in")
        write_photographs(data.real, split, int(real.get(split, 0)), defective=defective)
    trained = write_trained(root / "trained")
    verdict = evaluate(
        data, trained, root / "out", root / "reports", params(), drawing=DRAWING, track=silently
    )
    return verdict, read_json(root / "reports" / "metrics.json")


def rename_sets(folder: Path) -> None:
    """Name the sets of the small world as preprocess names the synthetic one."""
    for path in folder.glob("*.json"):
        text = path.read_text(encoding="utf-8")
        for name in ("alpha", "beta"):
            text = text.replace(f'"{name}"', '"synthetic"')
        path.write_text(text, encoding="utf-8")


def test_headline_metrics_are_of_the_labelled_sets_of_the_user(tmp_path: Path) -> None:
    """Synthetic Dice stands beside them under its own name and takes no part in them."""
    verdict, metrics = evaluate_sets(tmp_path, train=2, val=3, test=4, defective=True)
    assert verdict.headline.sets == ("line-3",)
    details = read_json(tmp_path / "out" / "details.json")
    assert metrics["test_dice"] == round(details["sets"]["line-3"]["dice"]["value"], 6)
    assert metrics["synthetic_dice"] == round(details["sets"]["synthetic"]["dice"]["value"], 6)
    assert "clean_marked_share" not in metrics
    assert "3 labelled validation images and 0 defect-free" in verdict.basis
    kept = [path.stem for path in (tmp_path / "out" / "val_images").iterdir()]
    assert {"val0", "val1", "val2"} <= set(kept)


def test_with_clean_sets_alone_the_headline_is_their_false_alarms(tmp_path: Path) -> None:
    """Dice is that of the synthetic set, said so; the share of marked images has its bound."""
    verdict, metrics = evaluate_sets(tmp_path, train=2, val=3, test=20)
    assert verdict.headline.sets == ("synthetic",)
    assert "no test image of line-3 shows a defect" in verdict.headline.sentence
    assert metrics["test_dice"] == metrics["synthetic_dice"] < 1.0
    marked = round(metrics["clean_marked_share"] * 20)
    assert metrics["clean_marked_bound"] == pytest.approx(
        beta.ppf(0.95, marked + 1, 20 - marked), abs=1e-5
    )
    assert "drawn onto 3 clean photographs" in verdict.basis
    assert verdict.choice.bounded is None


def test_labelled_training_images_choose_where_no_validation_image_shows_a_defect(
    tmp_path: Path,
) -> None:
    """With three images of one group the sentence says what the operating point rests on."""
    verdict, metrics = evaluate_sets(tmp_path, train=3, defective=True)
    assert "no labelled validation image, but 3 labelled training images" in verdict.basis
    assert metrics["test_dice"] == metrics["synthetic_dice"]


class Constant(torch.nn.Module):
    """Answers every pixel by one probability."""

    def __init__(self, level: float) -> None:
        super().__init__()
        self.level = level

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.full(image.shape, self.level)


def test_few_labels_choose_by_networks_that_did_not_see_them(tmp_path: Path) -> None:
    """A labelled training image is answered by its fold, a validation image by the network."""
    write_nothing(tmp_path)
    write_photographs(tmp_path, "train", 3, defective=True)
    write_photographs(tmp_path, "val", 2)
    files.write_json(
        tmp_path / "folds.json",
        {"held_out": [[["line-3", "train1"]], [["line-3", "train0"], ["line-3", "train2"]]]},
    )
    folds = read_folds(tmp_path)
    own, training, none = (JoinedSet.open([tmp_path], split) for split in ("val", "train", "test"))
    basis = choose_basis(none, own, training, folds, params(), drawing=DRAWING)
    found = list(answers([Constant(0.1), Constant(0.2), Constant(0.3)], basis, silently))
    assert [(round(float(p.mean()), 1), bool(truth.any())) for _, p, truth in found] == [
        (0.1, False),
        (0.1, False),
        (0.2, True),
        (0.3, True),
        (0.3, True),
    ]
    assert "3 labelled and 0 defect-free training images by cross-validation" in basis.sentence


def test_each_clean_photograph_is_shown_as_it_is_and_with_drawn_defects(tmp_path: Path) -> None:
    """The threshold sees drawn defects, the peak the photographs as they are."""
    write_nothing(tmp_path)
    write_photographs(tmp_path, "val", 3)
    own, none = (JoinedSet.open([tmp_path], split) for split in ("val", "train"))
    basis = choose_basis(none, own, none, (), params(), drawing=DRAWING)
    examples = list(basis.examples)
    assert len(examples) == basis.count == 3 + DRAWN
    assert not any(example.truth.any() for example in examples[:3])
    assert np.mean([example.truth.any() for example in examples[3:]]) > 0.9


def test_what_is_drawn_to_choose_by_is_what_fine_tuning_drew(tmp_path: Path) -> None:
    """A defect that the params leave out chooses no threshold; a region limits what is drawn."""
    write_nothing(tmp_path)
    left = np.zeros((96, 96), np.bool_)
    left[:, :48] = True
    write_photographs(tmp_path, "val", 2, region=left)
    never = dict.fromkeys(DrawnWeights.model_fields, 0.0)
    small, large = (
        DRAWING.model_copy(update={"defects": DrawnWeights(**never | {name: 1.0})})
        for name in ("pit", "uneven")
    )
    own, none = (JoinedSet.open([tmp_path], split) for split in ("val", "train"))
    areas = []
    for drawing in (small, large):
        drawn = list(choose_basis(none, own, none, (), params(), drawing=drawing).examples)[2:]
        assert all(np.array_equal(example.region, left) for example in drawn)
        assert not any(example.truth[~left].any() for example in drawn)
        areas.append(np.median([example.truth.sum() for example in drawn]))
    assert areas[1] > 3 * areas[0]


def test_nothing_counts_outside_the_region_of_interest(tmp_path: Path) -> None:
    """Truth and marks there are left out of every metric."""
    data = SplitFolders(write_nothing(tmp_path / "synthetic"), write_nothing(tmp_path / "real"))
    nowhere = np.zeros((96, 96), np.bool_)
    nowhere[:, :2] = True
    for split in ("val", "test"):
        write_photographs(data.real, split, 2, defective=True)
    write_photographs(data.real, "test", 2, defective=True, region=nowhere)
    trained = write_trained(tmp_path / "trained")
    out, reports = tmp_path / "out", tmp_path / "reports"
    evaluate(data, trained, out, reports, params(), drawing=DRAWING, track=silently)
    pixels = read_json(out / "details.json")["overall"]["pixels"]
    assert pixels["tp"] == pixels["fp"] == pixels["fn"] == 0
