"""Suggestions: label errors and undecided photographs come first, each with what to look for."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from integration.server.tiny_models import tiny_model
from unit.tiny_sources import image, save

from blemish.cli.suggest_command import suggest
from blemish.operating_point import OperatingPoint
from blemish.sets import LabelledDefect, SetWriter, read_set
from blemish.suggestions import (
    PhotographToRank,
    draw_suggestion,
    folder_photographs,
    judge_photograph,
    rank_photographs,
    set_photographs,
)

ROOT = Path(__file__).parents[2]
POINT = OperatingPoint(0.3, 0.6)
SHAPE = (40, 50)


def box(top: int, left: int, size: int = 12) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[top : top + size, left : left + size] = True
    return mask


def photograph(
    name: str, kind: str = "labelled", mask: np.ndarray | None = None
) -> PhotographToRank:
    return PhotographToRank(name, kind, np.zeros(SHAPE, np.uint8), mask)


def found(*marks: tuple[np.ndarray, float]) -> np.ndarray:
    plane = np.full(SHAPE, 0.01, np.float32)
    for mask, probability in marks:
        plane[mask] = probability
    return plane


@pytest.mark.parametrize(
    ("mask", "marks", "said"),
    [
        (box(5, 5), [(box(5, 5), 0.9)], "undecided"),
        (box(5, 5), [], "expects no defect over"),
        (np.zeros(SHAPE, bool), [(box(5, 5), 0.9)], "not labelled, but the model expects"),
        (box(5, 5), [(box(6, 6), 0.9)], "undecided"),
    ],
    ids=["agreement", "missed", "marked", "within the tolerance of an outline"],
)
def test_a_disagreement_is_told(mask: np.ndarray, marks: list, said: str) -> None:
    """What the label lacks and what the model does not find differ; outlines may lie a bit off."""
    assert said in judge_photograph(photograph("a", mask=mask), found(*marks), POINT).describe()


def test_clean_photographs_that_are_marked_are_suspicious() -> None:
    """A mark on a clean photograph says that it may not be clean."""
    clean = photograph("a", "clean", np.zeros(SHAPE, bool))
    one = judge_photograph(clean, found((box(3, 3), 0.8)), POINT)
    assert one.marked_px == pytest.approx(144 * 0.8, rel=0.01)
    assert one.describe() == "declared clean, but the model expects a defect of 115 px"


def test_marks_below_the_peak_and_outside_the_region_do_not_count() -> None:
    """The operating point decides what is a mark, the region of interest where."""
    clean = photograph("a", "clean", np.zeros(SHAPE, bool))
    assert judge_photograph(clean, found((box(3, 3), 0.5)), POINT).disagreement_px == 0
    region = ~box(0, 0, 30)
    outside = PhotographToRank("a", "clean", clean.plane, clean.mask, region)
    assert judge_photograph(outside, found((box(3, 3), 0.9)), POINT).disagreement_px == 0


def test_a_mark_counts_by_its_peak_inside_the_region() -> None:
    """A mark that reaches the peak outside the region alone is none, as evaluation judges it."""
    region = ~box(0, 0, 10)
    clean = PhotographToRank("a", "clean", np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, bool), region)
    marks = found((box(5, 5), 0.5), (box(5, 5, 5), 0.9))
    assert judge_photograph(clean, marks, POINT).disagreement_px == 0


def test_a_drawn_suggestion_shows_no_heat_outside_the_region() -> None:
    """The heatmap of a mark outside the region of interest is that of no mark."""
    plane, region = np.zeros(SHAPE, np.uint8), ~box(0, 0, 30)
    one = PhotographToRank("a", "unlabelled", plane, None, region)
    drawn = [draw_suggestion(one, np.where(region, 0, heat).astype(np.float32)) for heat in (0, 1)]
    assert np.array_equal(*drawn)


def test_photographs_of_a_folder_are_looked_at_inside_the_region_of_their_set(
    tmp_path: Path,
) -> None:
    """Where they have its size; photographs of another size are looked at whole."""
    save(tmp_path / "a.png", image(0))
    save(tmp_path / "b.png", image(1)[:20])
    region = np.eye(30, 40, dtype=np.bool_)
    fitting, other = sorted(
        folder_photographs(tmp_path, [], region=region), key=lambda one: one.name
    )
    assert np.array_equal(fitting.region, region)
    assert other.region is None


def test_the_worst_come_first_and_the_unlabelled_by_doubt() -> None:
    """Two lists: labels to check by disagreement, photographs to label by indecision."""
    maps = {
        "fine": found((box(5, 5), 0.9)),
        "missed": found(),
        "marked": found((box(5, 5), 0.9), (box(20, 20, 18), 0.9)),
        "sure": found((box(5, 5), 0.99)),
        "unsure": found((box(5, 5), 0.3)),
    }
    photographs = [photograph(name, mask=box(5, 5)) for name in ("fine", "missed", "marked")]
    photographs += [photograph(name, "unlabelled") for name in ("sure", "unsure")]
    answers = iter(maps[one.name] for one in photographs)
    ranked = rank_photographs(photographs, lambda _: next(answers), POINT)
    assert [one.name for one in ranked.check] == ["marked", "missed"]
    assert [one.name for one in ranked.label] == ["unsure", "sure"]


@given(
    st.floats(0.01, 0.99),
    st.floats(0.0, 1.0),
    st.sampled_from([box(5, 5), box(5, 5, 1), np.ones(SHAPE, bool), np.zeros(SHAPE, bool)]),
)
def test_every_score_is_an_area(threshold: float, level: float, mask: np.ndarray) -> None:
    """Scores are finite, not negative, and no larger than the image."""
    point = OperatingPoint(threshold)
    one = judge_photograph(photograph("a", mask=mask), np.full(SHAPE, level, np.float32), point)
    for value in (one.marked_px, one.missed_px, one.unsure_px):
        assert 0 <= value <= mask.size


def test_photographs_come_from_a_set_and_from_folders(tmp_path: Path) -> None:
    """Of a set with their labels; of a folder without, and what cannot be read is told."""
    mask = np.zeros((30, 40), bool)
    mask[3:9, 3:9] = True
    with SetWriter(tmp_path / "set", "line-3", "pairs") as writer:
        defects = [LabelledDefect("pit", mask)]
        writer.add("a", image(0), mask, group="a", defects=defects)
        writer.add("b", image(1), np.zeros_like(mask), group="b", clean=True)
    labelled, clean = set_photographs(read_set(tmp_path / "set"))
    assert (labelled.kind, clean.kind) == ("labelled", "clean")
    assert np.array_equal(labelled.mask, mask)
    save(tmp_path / "more/deep/c.png", image(2))
    (tmp_path / "more/broken.png").write_bytes(b"no image")
    left_out = []
    (new,) = folder_photographs(tmp_path / "more", left_out)
    assert (new.kind, new.mask) == ("unlabelled", None)
    assert np.array_equal(new.plane, image(2))
    assert [one.file for one in left_out] == [str(tmp_path / "more/broken.png")]


def test_the_command_lists_and_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``blemish suggest`` names what to check and to label, and writes an image of each."""
    (tmp_path / "src/blemish").mkdir(parents=True)
    (tmp_path / "dvc.yaml").write_bytes((ROOT / "dvc.yaml").read_bytes())
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    with SetWriter(tmp_path / "data/real/line-3", "line-3", "pairs") as writer:
        mask = np.zeros((30, 40), bool)
        mask[3:20, 3:20] = True
        writer.add(
            "a",
            np.full(mask.shape, 128, np.uint8),
            mask,
            group="a",
            defects=[LabelledDefect("pit", mask)],
        )
    save(tmp_path / "more/new.png", image(2))
    (tmp_path / "model.onnx").write_bytes(tiny_model())
    monkeypatch.chdir(tmp_path)
    options = ["line-3", "more", "--model", "model.onnx", "--out", "out"]
    done = CliRunner().invoke(suggest, options, catch_exceptions=False)
    assert done.exit_code == 0
    assert "Photographs to label next, the least sure first:" in done.output
    assert "more/new.png: the model is undecided over" in done.output
    assert (tmp_path / "out/label-001.png").is_file()
    listed = json.loads(CliRunner().invoke(suggest, [*options[:4], "--json"]).stdout)
    assert [one["name"] for one in listed["label"]] == ["more/new.png"]
