"""What the headline and the operating point rest on, by the sets that a user has."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import beta
from small_world import (
    read_json,
    write_data,
    write_nothing,
    write_trained,
)
from tiny_finetuning import DRAWING
from unit.evaluation.tiny_evaluation import params, silently, write_photographs

from blemish import files
from blemish.config.drawing import DrawnWeights
from blemish.evaluation import SplitFolders, evaluate
from blemish.evaluation.basis import DRAWN, FEW_LABELLED, choose_basis, read_folds
from blemish.evaluation.evaluation_workflow import Verdict, answers
from blemish.packed import (
    JoinedSet,
)


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
    found = list(answers([Constant(0.1), Constant(0.2), Constant(0.3)], basis, silently))[:5]
    assert [(round(float(p.mean()), 1), bool(truth.any())) for _, p, truth in found] == [
        (0.1, False),
        (0.1, False),
        (0.2, True),
        (0.3, True),
        (0.3, True),
    ]
    assert "3 labelled and 0 defect-free training images by cross-validation" in basis.sentence


@pytest.mark.parametrize(("labelled", "drawn"), [(FEW_LABELLED - 1, DRAWN), (FEW_LABELLED, 0)])
def test_drawn_defects_choose_beside_labels_that_are_too_few(
    tmp_path: Path, labelled: int, drawn: int
) -> None:
    """They lie on clean validation photographs, which no network has seen."""
    write_nothing(tmp_path)
    write_photographs(tmp_path, "train", labelled, defective=True)
    write_photographs(tmp_path, "val", 2)
    names = [["line-3", f"train{number}"] for number in range(labelled)]
    own, training, none = (JoinedSet.open([tmp_path], split) for split in ("val", "train", "test"))
    folds = [names[::2], names[1::2]]
    basis = choose_basis(none, own, training, folds, params(), drawing=DRAWING)
    examples = list(basis.examples)
    assert len(examples) == basis.count == 2 + labelled + drawn
    assert {example.fold for example in examples[2 + labelled :]} <= {0}
    assert ("drawn onto 2 of these" in basis.sentence) == bool(drawn)


@pytest.mark.parametrize(("validates", "drawn_answer"), [(2, 0.1), (0, 0.2)])
def test_clean_photographs_choose_by_networks_that_did_not_see_them(
    tmp_path: Path, validates: int, drawn_answer: float
) -> None:
    """Many training photographs say more of false alarms than the few that validate."""
    write_nothing(tmp_path)
    write_photographs(tmp_path, "train", 3)
    if validates:
        write_photographs(tmp_path, "val", validates)
    folds = [[["line-3", "train1"]], [["line-3", "train0"], ["line-3", "train2"]]]
    own, training, none = (JoinedSet.open([tmp_path], split) for split in ("val", "train", "test"))
    basis = choose_basis(none, own, training, folds, params(), drawing=DRAWING)
    found = list(answers([Constant(0.1), Constant(0.2), Constant(0.3)], basis, silently))
    levels = [round(float(probability.mean()), 1) for _, probability, _ in found]
    assert len(levels) == basis.count
    assert levels == [0.1] * validates + [0.2, 0.3, 0.3] + [drawn_answer] * DRAWN
    assert not basis.learned
    assert "those that train by cross-validation" in basis.sentence


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
