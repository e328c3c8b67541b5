"""Importers: each layout on a tiny source, and each fault named by its file."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from unit.tiny_sources import (
    SOURCES,
    image,
    make_coco,
    make_kolektor,
    make_labelme,
    make_magnetic_tile,
    make_siblings,
    mask,
    save,
)

from blemish.errors import DataError
from blemish.importing.choices import Choices
from blemish.importing.import_plan import Source
from blemish.importing.importer import import_source
from blemish.importing.layouts import LAYOUTS, find_images
from blemish.importing.source import SourceTree
from blemish.sets import ImageSet


def run(source: Path, **options: object) -> ImageSet:
    choices = {key: options.pop(key) for key in list(options) if key in Choices.__annotations__}
    asked = Source(source, "tiny", choices=Choices(**choices), **options)
    return import_source(asked, source.parent / "real" / "tiny")[0]


def faults_of(source: Path, **options: object) -> dict[str, str]:
    """Return what a refused import says of each file; nothing may be written."""
    with pytest.raises(DataError) as refusal:
        run(source, **options)
    assert not (source.parent / "real" / "tiny").exists()
    told = [line.split(": ", 1) for line in refusal.value.files]
    assert len({file for file, _ in told}) == len(told)
    return dict(told)


@pytest.mark.parametrize("make", SOURCES, ids=lambda make: make.__name__)
def test_each_layout_is_recognised_and_read(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """The layout is detected, every image is there, and the defects are those that were drawn."""
    (tmp_path / "source").mkdir()
    make(tmp_path / "source")
    layout, count, classes = SOURCES[make]
    images = run(tmp_path / "source")
    assert images.about["source_layout"] == layout
    assert len(images) == count
    defective = [index for index, row in enumerate(images.rows) if row.defective]
    found = [[d.class_name for d in images.defects(images.rows[k].image_id)] for k in defective]
    assert found == classes
    for index in defective:
        upper = images.mask(index)[:15]
        assert np.array_equal(upper, mask()[:15] > 0)


def test_every_layout_has_a_source_here() -> None:
    """Whoever adds a row to the table adds a tiny source to this test."""
    assert {layout for layout, _, _ in SOURCES.values()} == set(LAYOUTS)


@pytest.mark.parametrize("make", SOURCES, ids=lambda make: make.__name__)
def test_the_source_is_never_touched(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """An import of a read-only source works, and leaves names, bytes and times as they were."""
    source = tmp_path / "source"
    source.mkdir()
    make(source)

    def state() -> dict[Path, tuple[int, bytes]]:
        files = (path for path in source.rglob("*") if path.is_file())
        return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}

    before = state()
    run(source)
    assert state() == before


def test_groups_come_from_layout_or_table(tmp_path: Path) -> None:
    """KolektorSDD groups by item, magnetic-tile by its table, and a table given beats both."""
    for name, make in (("tiles", make_magnetic_tile), ("kolektor", make_kolektor)):
        (tmp_path / name / "source").mkdir(parents=True)
        make(tmp_path / name / "source")
    tiles = run(tmp_path / "tiles" / "source")
    assert [row.group for row in tiles.rows] == ["t3", "t1", "t1", "t2"]
    assert tiles.about["grouping"] == "groups are those of groups.csv"
    table = tmp_path / "table.csv"
    table.write_text("image,group,class\nPart0,x,\nkos01/Part1.jpg,x,dent\nPart2.jpg,y,\n")
    kolektor = run(tmp_path / "kolektor" / "source", groups=table)
    assert [row.group for row in kolektor.rows] == ["x", "x", "y"]
    assert kolektor.classes == ("dent",)


def test_a_table_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    """Rows without an image, images without a row, and other columns are named."""
    source = tmp_path / "source"
    source.mkdir()
    make_siblings(source)
    table = tmp_path / "table.csv"
    table.write_text("image,group\n0.jpg,a\nnobody.jpg,b\n0,\n")
    told = faults_of(source, groups=table)
    assert told["table.csv line 3"] == "nobody.jpg names no image"
    assert told["table.csv line 4"] == "a row without image or group"
    assert told["1.jpg"] == "no row of table.csv names it"
    table.write_text("image;part\n")
    assert "accepted: image,group[,class]" in faults_of(source, groups=table)["table.csv"]


def test_every_bad_file_is_named_once_with_what_to_do(tmp_path: Path) -> None:
    """One import tells all faults of a source of pairs, each file once, and writes nothing."""
    source = tmp_path / "source"
    for index in range(12):
        save(source / f"images/{index}.png", image(index))
        save(source / f"masks/{index}.png", mask(defective=index % 2 == 0))
    save(source / "masks/0.png", mask()[:10])
    save(source / "masks/1.png", np.dstack([mask()] * 3))
    save(source / "masks/2.png", image(2))
    save(source / "masks/stray.png", mask())
    (source / "images/3.png").write_bytes((source / "images/3.png").read_bytes()[:200])
    (source / "masks/4.png").write_bytes(b"no image")
    (source / "masks/5.png").unlink()
    save(source / "images/7.png", image(6))
    told = faults_of(source)
    assert told.keys() == {
        "masks/0.png",
        "masks/1.png",
        "masks/2.png",
        "masks/stray.png",
        "images/3.png",
        "masks/4.png",
        "images/5.png",
        "images/6.png",
    }
    assert "a mask of 40 x 10 pixels; its image has 40 x 30" in told["masks/0.png"]
    assert "a mask in colour (RGB); accepted: one grey plane" in told["masks/1.png"]
    assert "accepted: 0 and one other, or use --soft-masks" in told["masks/2.png"]
    assert "orphan mask" in told["masks/stray.png"]
    assert "--unmasked-free" in told["images/5.png"]
    assert "the same image as images/7.png" in told["images/6.png"]


def test_an_empty_mask_of_a_promised_class_is_a_question(tmp_path: Path) -> None:
    """It is refused by name, unless the person says that it is free or to be left out."""
    source = tmp_path / "source"
    source.mkdir()
    make_magnetic_tile(source)
    save(source / "MT_Crack/Imgs/exp1_num_1.png", mask(defective=False))
    told = faults_of(source)
    assert told.keys() == {"MT_Crack/Imgs/exp1_num_1.png"}
    assert "its class is crack; fix it, or use --empty-masks" in told.popitem()[1]
    assert len(run(source, empty_masks="free")) == 4
    skipped = import_source(
        Source(source, "less", choices=Choices(empty_masks="skip")), tmp_path / "less"
    )[0]
    assert skipped.about["report"]["left_out"] == {
        "an empty mask (--empty-masks skip)": {
            "count": 1,
            "files": ["MT_Crack/Imgs/exp1_num_1.jpg"],
        }
    }
    assert len(skipped) == 3


def test_choices_for_odd_masks(tmp_path: Path) -> None:
    """Soft and coloured masks are cut at 127, unmasked images free, all of one class given."""
    source = tmp_path / "source"
    save(source / "images/a.png", image(0))
    save(source / "masks/a.png", cv2.GaussianBlur(mask(), (5, 5), 0))
    save(source / "images/b.png", image(1))
    save(source / "images/c.png", image(2))
    save(source / "masks/c.png", np.dstack([mask()] * 3))
    images = run(source, soft_masks=True, unmasked_free=True, class_name="dent")
    assert images.classes == ("dent",)
    assert [row.defective for row in images.rows] == [True, False, True]


def test_16_bit_masks_count_every_level(tmp_path: Path) -> None:
    """A mask of 0 and 1 in 16 bit is a mask, though its 1 is nothing in 8 bit."""
    save(tmp_path / "source/a.jpg", image(0))
    save(tmp_path / "source/a.png", (mask() // 255).astype(np.uint16))
    assert np.array_equal(run(tmp_path / "source").mask(0), mask() > 0)


def image_entry(**change: object) -> dict:
    return {"images": [{"id": 0, "file_name": "0.png", "height": 30, "width": 40} | change]}


def annotation(**change: object) -> dict:
    return {"annotations": [{"id": 7, "image_id": 0, "category_id": 5} | change]}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (image_entry(file_name="9.png"), "names 9.png"),
        (image_entry(height=9), "40 x 9"),
        (image_entry(id=3), "regions of an unknown image"),
        (annotation(bbox=[0, 0, 1, 1]), "annotation 7 has a box"),
        (annotation(category_id=8), "category 8"),
        (annotation(segmentation=[[1, 2]]), "fewer than three"),
        (annotation(segmentation=[[0, 0, 1e9, 0, 1e9, 9]]), "a polygon far outside"),
        (annotation(segmentation=[[0, 0, float("nan"), 0, 5, 9]]), "a polygon far outside"),
        (annotation(segmentation={"size": [3, 3], "counts": [9]}), "3 x 3"),
        (annotation(segmentation={"size": [30, 40], "counts": [9]}), "runs of"),
        ({"annotations": [{"id": 7}]}, "not as COCO"),
    ],
)
def test_faults_of_coco_are_those_of_its_file(tmp_path: Path, change: dict, problem: str) -> None:
    """What an annotation file says wrongly is told of that file."""
    source = tmp_path / "source"
    source.mkdir()
    make_coco(source)
    path = source / "annotations" / "instances.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert problem in faults_of(source)["annotations/instances.json"]


def test_faults_of_labelme_are_those_of_its_file(tmp_path: Path) -> None:
    """Corrupt files, missing images and shapes without an area are told of their file."""
    source = tmp_path / "source"
    source.mkdir()
    make_labelme(source)
    line = {"label": "scratch", "points": [[0, 0], [5, 5]], "shape_type": "line"}
    (source / "a.json").write_text(json.dumps({"imagePath": "a.png", "shapes": [line]}))
    (source / "c.json").write_text(json.dumps({"imagePath": "c.png", "shapes": []}))
    (source / "d.json").write_text("{")
    told = faults_of(source)
    assert "shape 1 is a line of 2 points; accepted: polygon" in told["a.json"]
    assert told["c.json"] == "names c.png, which is not beside it"
    assert "not valid JSON" in told["d.json"]
    assert "no mask" in told["a.png"]


def test_what_is_no_set_says_what_is_accepted(tmp_path: Path) -> None:
    """Images without masks, no folder, a forced layout that does not fit: each a sentence."""
    source = tmp_path / "source"
    save(source / "surface scratch" / "a.png", image(0))
    with pytest.raises(DataError, match="1 images in 1 files, but in no layout that is known"):
        find_images(SourceTree(source))
    with pytest.raises(DataError, match="not in layout coco"):
        find_images(SourceTree(source), "coco")
    with pytest.raises(DataError, match="is no folder"):
        run(tmp_path / "nowhere")


def test_a_set_without_any_defect_is_taken_and_says_what_it_lacks(tmp_path: Path) -> None:
    """Empty masks make defect-free images: false alarms can be measured, Dice cannot."""
    for index in range(3):
        save(tmp_path / f"source/images/{index}.png", image(index))
        save(tmp_path / f"source/masks/{index}.png", mask(defective=False))
    images = run(tmp_path / "source")
    assert not any(row.defective or row.clean for row in images.rows)
    assert images.about["report"]["lacks"] == [
        "It has no labelled defect: Dice of this set cannot be measured."
    ]


def test_a_spoilt_set_is_made_anew(tmp_path: Path) -> None:
    """Importing the same source fixes a set of which a file was changed or lost."""
    source = tmp_path / "source"
    source.mkdir()
    make_siblings(source)
    asked, folder = Source(source, "tiny"), tmp_path / "tiny"
    assert import_source(asked, folder)[1] is False
    assert import_source(asked, folder)[1] is True
    (folder / "masks" / "0.png").unlink()
    assert import_source(asked, folder)[1] is False
    assert import_source(asked, folder)[1] is True


@pytest.mark.parametrize("name", ["set.json", "index.csv"])
def test_a_corrupt_set_is_made_anew_only_when_told_to(tmp_path: Path, name: str) -> None:
    """What it was made from cannot be told, so nothing is replaced without --force."""
    source = tmp_path / "source"
    source.mkdir()
    make_siblings(source)
    asked, folder = Source(source, "tiny"), tmp_path / "tiny"
    import_source(asked, folder)
    (folder / name).unlink()
    with pytest.raises(DataError, match=r"corrupt.*--force"):
        import_source(asked, folder)
    assert import_source(asked, folder, replace=True)[1] is False
    assert import_source(asked, folder)[1] is True


def test_names_stay_safe_and_apart(tmp_path: Path) -> None:
    """Names with markup, spaces and equal stems become ids that are safe, unique and tell."""
    source = tmp_path / "source"
    for index, name in enumerate(["<img onerror=x>.jpg", "a b.jpg", "a_b.jpg", "-x.jpg"]):
        save(source / "images" / name, image(index))
        save(source / "masks" / Path(name).with_suffix(".png"), mask())
    images = run(source)
    ids = [row.image_id for row in images.rows]
    assert ids == ["_img_onerror_x_", "_x", "a_b.jpg", "a_b.jpg.2"]
    files = {row.attributes["file"] for row in images.rows}
    assert files == {f"images/{path.name}" for path in (source / "images").iterdir()}
