"""Export before its files exist: what it calibrates and compares on, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest
from integration.server.tiny_models import tiny_model
from small_world import write_data
from unit.evaluation.tiny_evaluation import write_photographs
from unit.export.tiny_export import params, silently, write_inputs

import blemish.export.export_workflow as workflow_module
from blemish.errors import ModelFileError, ParityError
from blemish.export import export
from blemish.export.cases import Case, compare
from blemish.export.export_workflow import Inputs, cases_of
from blemish.metrics import Counts
from blemish.operating_point import OperatingPoint
from blemish.packed import Annotation, JoinedSet, PackedDefect, PackedWriter, pack_image
from blemish.preprocessing import Resizing


def split_of(folder: Path, split: str, name: str, count: int, at: int | None) -> None:
    """Pack photographs that are larger than a tile and black but for a defect in one corner."""
    with PackedWriter(folder, split) as writer:
        for index in range(count):
            image, instances = np.zeros((600, 700), np.uint8), np.zeros((600, 700), np.uint8)
            if at is not None:
                image[at : at + 8, at : at + 8], instances[at : at + 8, at : at + 8] = 255, 1
            defects = (PackedDefect("pit", 64),) if at is not None else ()
            annotation = Annotation(f"{index}", name, f"{index}", 700, 600, defects, {})
            writer.add(pack_image(annotation, image, instances))


def test_ranges_are_calibrated_on_defects_too(tmp_path: Path) -> None:
    """Half of the tiles show the defect of a photograph whose middle shows none."""
    split_of(tmp_path, "train", "line-3", 12, at=580)
    tiles = workflow_module._calibration_tiles(JoinedSet.open([tmp_path], "train"), 6)
    assert [bool((tile == 255).any()) for tile in tiles] == [True, False] * 3
    assert {tile.shape for tile in tiles} == {(1, 1, 256, 256)}


def test_the_search_sees_every_set_and_synthetic_images(tmp_path: Path) -> None:
    """Half of its images come from the user's sets, from the first to the last."""
    inputs = Inputs(tmp_path / "synthetic", tmp_path / "real", tmp_path, tmp_path)
    split_of(inputs.synthetic, "val", "synthetic", 9, at=None)
    split_of(inputs.real, "val", "line-3", 12, at=0)
    chosen = inputs.searched(8)
    found = [
        (chosen.annotation(i).set_name, chosen.annotation(i).image_id) for i in range(len(chosen))
    ]
    assert found == [
        *(("line-3", name) for name in "0369"),
        *(("synthetic", name) for name in "0246"),
    ]


def test_a_breach_leaves_no_file_behind(tmp_path: Path) -> None:
    """A bound that cannot be kept fails the export before anything takes its final name."""
    inputs = write_inputs(tmp_path)
    strict = params(probability=1e-12)
    with pytest.raises(ParityError, match="fp32_probability"):
        export(inputs, tmp_path / "out", tmp_path / "p.json", strict, Resizing(), tell=silently)
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "p.json").exists()


def test_answers_that_are_not_finite_break_the_contract() -> None:
    """NaN counts as an infinite difference, not as none."""
    case = Case("a", np.zeros((2, 2), np.uint8), np.zeros((2, 2), bool))
    good, bad = np.zeros((2, 2), np.float32), np.full((2, 2), np.nan, np.float32)
    assert compare([case], [good], [bad], OperatingPoint(0.5)).probability == np.inf


def test_comparison_counts_flipped_pixels_and_dice() -> None:
    """Flips are pixels marked by one model only; Dice change is against the truth."""
    truth = np.array([[True, True, False, False]])
    case = Case("a", np.zeros((1, 4), np.uint8), truth)
    wanted = np.array([[0.9, 0.9, 0.1, 0.1]], np.float32)
    given = np.array([[0.9, 0.2, 0.1, 0.1]], np.float32)
    gap = compare([case], [wanted], [given], OperatingPoint(0.5))
    assert gap.flipped == gap.flipped_worst == 0.25
    assert gap.probability == pytest.approx(0.7)
    assert gap.dice_change == pytest.approx(Counts(tp=1, fn=1).dice - 1.0)


def test_models_are_compared_inside_the_region_of_interest(tmp_path: Path) -> None:
    """Differences and marks outside it count for no metric, in no denominator."""
    region = np.array([[True, True, False, False]])
    case = Case("a", np.zeros((1, 4), np.uint8), np.array([[True, False, False, False]]), region)
    wanted = np.array([[0.9, 0.1, 0.9, 0.1]], np.float32)
    given = np.array([[0.4, 0.1, 0.1, 0.9]], np.float32)
    gap = compare([case], [wanted], [given], OperatingPoint(0.5))
    assert gap.probability == pytest.approx(0.5)
    assert gap.probability_mean == pytest.approx(0.25)
    assert gap.flipped == gap.flipped_worst == 0.5
    assert gap.answered == Counts(fn=1, tn=3)
    write_photographs(tmp_path, "test", 1, region=np.eye(96, dtype=np.bool_))
    (packed,) = cases_of(JoinedSet.open([tmp_path], "test"))
    assert np.array_equal(packed.region, np.eye(96))


def test_statistics_for_drift_are_of_whole_images() -> None:
    """Serving knows no region of interest, so what it logs is compared with whole images."""
    plane = np.tile(np.arange(96, dtype=np.uint8), (96, 1))
    cases = [Case("a", plane), Case("b", plane, region=np.eye(96, dtype=np.bool_))]
    whole, limited = workflow_module._probability_mass(tiny_model(), cases)
    assert whole == limited


def test_dice_of_int8_is_of_the_headline_sets(tmp_path: Path) -> None:
    """Images of other sets are compared too, but count for no Dice beside that of fp32."""
    images = JoinedSet.open([write_data(tmp_path)], "test")
    sets = [images.annotation(place).set_name for place in range(len(images))]
    known = [case.truth is not None for case in cases_of(images, ("alpha",))]
    assert known == [name == "alpha" for name in sets]
    assert set(known) == {True, False}
    assert all(case.truth is not None for case in cases_of(images))


@pytest.mark.parametrize(
    "name", ["threshold.json", "details.json", "training.json", "statistics.json"]
)
def test_a_corrupt_input_is_named(tmp_path: Path, name: str) -> None:
    """A file that export needs and cannot read is named with the next command."""
    inputs = write_inputs(tmp_path)
    path = next(tmp_path.rglob(name))
    path.write_text("{")
    with pytest.raises(ModelFileError, match=r"dvc repro"):
        export(inputs, tmp_path / "o", tmp_path / "p.json", params(), Resizing(), tell=silently)
    path.write_text("{}")
    with pytest.raises(ModelFileError, match=r"dvc repro"):
        export(inputs, tmp_path / "o", tmp_path / "p.json", params(), Resizing(), tell=silently)
