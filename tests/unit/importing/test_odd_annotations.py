"""Annotations of COCO, LabelMe and YOLO as tools really write them, read or refused by name."""

import base64
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from unit.importing.odd_sources import (
    OUTLINE,
    UPPER,
    entry,
    marked,
    shape,
    write_coco,
    write_labelme,
)
from unit.importing.test_layouts import faults_of, run
from unit.tiny_sources import image, make_coco, make_yolo, save


def test_coco_ids_that_name_two_images_are_refused(tmp_path: Path) -> None:
    """The regions of such images cannot be told apart; the ids are named."""
    for index in range(2):
        save(tmp_path / f"source/{index}.png", image(index))
    write_coco(
        tmp_path / "source/a.json",
        images=[entry(7, "0.png"), entry(7, "1.png")],
        annotations=[marked(7)],
    )
    told = faults_of(tmp_path / "source")
    assert "1 image ids name more than one image each: 7" in told["a.json"]
    assert told.keys() == {"a.json"}


def test_a_coco_category_of_two_names_is_refused(tmp_path: Path) -> None:
    """A merge of two files in which id 1 is another class each would mislabel defects."""
    save(tmp_path / "source/0.png", image(0))
    classes = [{"id": 1, "name": "scratch"}, {"id": 1, "name": "pit"}, {"id": 1, "name": "pit"}]
    write_coco(
        tmp_path / "source/a.json",
        images=[entry(1, "0.png")],
        annotations=[marked(1)],
        categories=classes[:1] * 2,
    )
    assert run(tmp_path / "source").classes == ("scratch",)
    shutil.rmtree(tmp_path / "real")
    write_coco(
        tmp_path / "source/a.json",
        images=[entry(1, "0.png")],
        annotations=[marked(1)],
        categories=classes[:2],
    )
    told = faults_of(tmp_path / "source")
    assert told == {"a.json": "category id 1 names two classes: scratch and pit"}


def test_photographs_that_coco_does_not_name_are_a_question(tmp_path: Path) -> None:
    """They are refused by name; a person says that they are defect-free, or leaves them out."""
    make_coco(tmp_path / "source") if (tmp_path / "source").mkdir() is None else None
    save(tmp_path / "source/images/more.png", image(9))
    assert "no mask" in faults_of(tmp_path / "source")["images/more.png"]
    images = run(tmp_path / "source", unmasked_free=True)
    assert [row.image_id for row in images.rows if row.clean] == ["more"]
    shutil.rmtree(tmp_path / "real")
    images = run(tmp_path / "source", unmasked_skip=True)
    assert len(images) == 3
    assert images.about["report"]["left_out"]["no mask (--unmasked-skip)"] == {
        "count": 1,
        "files": ["images/more.png"],
    }


@pytest.mark.parametrize(
    "name", ["images\\\\sub\\\\0.png", "images/sub/0.png", "C:\\\\data\\\\sub\\\\0.png"]
)
def test_coco_paths_of_windows_are_found(tmp_path: Path, name: str) -> None:
    """Backslashes part folders, whichever machine wrote them."""
    save(tmp_path / "source/images/sub/0.png", image(0))
    write_coco(tmp_path / "source/a.json", images=[entry(1, name)], annotations=[marked(1)])
    assert np.array_equal(run(tmp_path / "source").mask(0), UPPER > 0)


def test_equal_names_in_train_and_val_are_told_apart(tmp_path: Path) -> None:
    """The annotation file carries the name of its folder; without that, both files are named."""
    for index, split in enumerate(["train", "val"]):
        save(tmp_path / f"source/images/{split}/0.png", image(index))
    write_coco(
        tmp_path / "source/annotations/instances_train.json",
        images=[entry(1, "0.png")],
        annotations=[marked(1)],
    )
    write_coco(tmp_path / "source/annotations/instances_val.json", images=[entry(1, "0.png")])
    images = run(tmp_path / "source")
    assert {row.attributes["file"]: row.defective for row in images.rows} == {
        "images/train/0.png": True,
        "images/val/0.png": False,
    }
    shutil.rmtree(tmp_path / "real")
    (tmp_path / "source/annotations/instances_val.json").unlink()
    (tmp_path / "source/annotations/instances_train.json").rename(tmp_path / "source/a.json")
    assert "fits 2 files" in faults_of(tmp_path / "source")["a.json"]


@pytest.mark.parametrize(
    "segmentation",
    [
        OUTLINE,
        [OUTLINE],
        [[[10, 5], [30, 5], [30, 9], [10, 9]]],
        [[10, 5], [30, 5], [30, 9], [10, 9]],
        [[10, 5, 20, 5, 20, 9, 10, 9], [20, 5, 30, 5, 30, 9, 20, 9]],
    ],
    ids=["flat", "nested", "points in a polygon", "points", "two parts"],
)
def test_coco_polygons_are_read_however_they_are_nested(tmp_path: Path, segmentation: list) -> None:
    """Flat lists, lists of points and missing sizes are what tools write."""
    save(tmp_path / "source/0.png", image(0))
    bare = {"id": 1, "file_name": "0.png", "width": None}
    write_coco(tmp_path / "source/a.json", images=[bare], annotations=[marked(1, segmentation)])
    assert np.array_equal(run(tmp_path / "source").mask(0), UPPER > 0)


DEEP = json.loads("[" * 400 + "]" * 400)
BEYOND_FLOATS = 10**400


@pytest.mark.parametrize(
    "segmentation",
    ["text", [["a"]], [[1, 2, 3, None, 5, 6]], {"a": 1}, 5, [[BEYOND_FLOATS] * 6], DEEP],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_segmentation_is_a_fault(tmp_path: Path, segmentation: object) -> None:
    """One sentence names the file."""
    save(tmp_path / "source/0.png", image(0))
    write_coco(
        tmp_path / "source/a.json",
        images=[entry(1, "0.png")],
        annotations=[marked(1, segmentation)],
    )
    assert set(faults_of(tmp_path / "source")) == {"a.json"}


@pytest.mark.parametrize("width", [float("inf"), BEYOND_FLOATS])
def test_sizes_beyond_all_images_are_faults(tmp_path: Path, width: float) -> None:
    """Of COCO and of LabelMe; JSON can write infinity, and numbers of any length."""
    save(tmp_path / "coco/0.png", image(0))
    write_coco(tmp_path / "coco/a.json", images=[entry(1, "0.png", width=width)])
    assert set(faults_of(tmp_path / "coco")) == {"a.json"}
    beyond = shape(shape_type="mask", points=[[width, 5], [1, 1]], mask="AAAA")
    write_labelme(tmp_path / "labelme", beyond)
    assert "OverflowError" in faults_of(tmp_path / "labelme")["a.json"]


def test_run_lengths_longer_than_python_reads_by_itself(tmp_path: Path) -> None:
    """A field of a CSV may have more than 131,072 characters."""
    save(tmp_path / "source/0.png", np.tile(image(0), (20, 25)))
    runs = " ".join(f"{start} 1" for start in range(1, 60_000, 2))
    (tmp_path / "source/train.csv").write_text(f"ImageId,EncodedPixels\n0.png,{runs}\n")
    assert run(tmp_path / "source").mask(0).sum() == 30_000


def test_labelme_shapes_that_tools_write_are_read(tmp_path: Path) -> None:
    """Rectangles of four corners, numbers as labels and small masks are regions too."""
    small = cv2.imencode(".png", np.full((4, 20), 255, np.uint8))[1].tobytes()
    encoded = base64.b64encode(small).decode()
    for number, one in enumerate(
        [
            shape(shape_type="rectangle"),
            shape(shape_type="oriented_rectangle"),
            shape(shape_type="mask", points=[[10, 5], [29, 8]], mask=encoded),
            shape(label=1),
        ]
    ):
        source = tmp_path / str(number) / "source"
        write_labelme(source, one)
        images = run(source)
        assert np.array_equal(images.mask(0), UPPER > 0)
        assert images.classes == (str(one["label"]),)


def test_labelme_background_is_no_defect_and_is_told(tmp_path: Path) -> None:
    """LabelMe's own ``_background_`` and ``__ignore__`` mark no defect; the report counts them."""
    write_labelme(tmp_path / "source", shape(label="_background_"), shape(label="__ignore__"))
    images = run(tmp_path / "source")
    assert not images.rows[0].defective
    (reason,) = images.about["report"]["left_out"]
    assert "no defect" in reason


@pytest.mark.parametrize("label", [None, "", " ", {}, []])
def test_labelme_labels_that_are_no_word_are_a_fault(tmp_path: Path, label: object) -> None:
    """The shape and its label are named."""
    write_labelme(tmp_path / "source", shape(label=label))
    assert "shape 1 has the label" in faults_of(tmp_path / "source")["a.json"]


def test_a_yolo_box_is_no_outline(tmp_path: Path) -> None:
    """Detection labels are refused by file and line."""
    (tmp_path / "source").mkdir()
    make_yolo(tmp_path / "source")
    (tmp_path / "source/train/labels/1.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    told = faults_of(tmp_path / "source")
    assert "line 1 is a box and no outline" in told["train/labels/1.txt"]
