"""Import never lies and never omits in silence: each kind of odd source, and what must be said."""

import base64
import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from unit.importing.test_layouts import faults_of, run
from unit.tiny_sources import SIZE, image, make_coco, make_labelme, make_yolo, mask, save

from blemish.errors import DataError
from blemish.imaging import Limits
from blemish.importing.choices import Choices
from blemish.importing.import_plan import Source
from blemish.importing.importer import import_source
from blemish.sets import ImageSet

UPPER = mask() * (np.arange(SIZE[0]) < 15)[:, None].astype(np.uint8)
OUTLINE = [10, 5, 30, 5, 30, 9, 10, 9]


def import_clean(source: Path, **options: object) -> ImageSet:
    asked = Source(source, "tiny", clean=True, **options)
    return import_source(asked, source.parent / "real" / "tiny")[0]


def write_coco(path: Path, **document: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {"categories": [{"id": 1, "name": "scratch"}], "annotations": []} | document
    path.write_text(json.dumps(whole))


def entry(number: int, name: str, **more: object) -> dict:
    return {"id": number, "file_name": name, "width": 40, "height": 30} | more


def marked(number: int, segmentation: object = (tuple(OUTLINE),)) -> dict:
    return {"id": number, "image_id": number, "category_id": 1, "segmentation": segmentation}


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


@pytest.mark.parametrize("segmentation", ["text", [["a"]], [[1, 2, 3, None, 5, 6]], {"a": 1}, 5])
def test_what_is_no_segmentation_is_a_fault(tmp_path: Path, segmentation: object) -> None:
    """One sentence names the file."""
    save(tmp_path / "source/0.png", image(0))
    write_coco(
        tmp_path / "source/a.json",
        images=[entry(1, "0.png")],
        annotations=[marked(1, segmentation)],
    )
    assert set(faults_of(tmp_path / "source")) == {"a.json"}


def write_labelme(source: Path, *shapes: object) -> None:
    save(source / "a.png", image(0))
    (source / "a.json").write_text(json.dumps({"imagePath": "a.png", "shapes": shapes}))


def shape(**change: object) -> dict:
    return {"label": "scratch", "points": [[10, 5], [30, 5], [30, 9], [10, 9]]} | change


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


def write_pairs(source: Path, count: int = 3) -> Path:
    for index in range(count):
        save(source / f"images/{index}.png", image(index))
        save(source / f"masks/{index}.png", mask())
    return source


def write_palette(path: Path, indices: np.ndarray, colours: list[int]) -> None:
    image = Image.fromarray(indices.astype(np.uint8), "P")
    image.putpalette(colours + [0] * (768 - len(colours)))
    image.save(path)


def test_a_void_border_of_a_palette_mask_is_no_defect(tmp_path: Path) -> None:
    """Index 255 of a palette mask is void, with --soft-masks too."""
    source = write_pairs(tmp_path / "source", 1)
    indices = np.where(mask() > 0, 1, 0)
    indices[(cv2.dilate(mask(), np.ones((3, 3))) > 0) & (mask() == 0)] = 255
    write_palette(source / "masks/0.png", indices, [0, 0, 0, 128, 0, 0] + [224] * 762)
    images = run(source, soft_masks=True)
    assert np.array_equal(images.mask(0), mask() > 0)
    assert any("void" in remark for remark in images.about["report"]["remarks"])


@pytest.mark.parametrize("colours", [[255] * 3 + [0] * 3, [0] * 3 + [255] * 3])
def test_a_palette_mask_is_read_by_index(tmp_path: Path, colours: list[int]) -> None:
    """Index 0 is background, white or black."""
    source = write_pairs(tmp_path / "source", 1)
    write_palette(source / "masks/0.png", mask() // 255, colours)
    assert np.array_equal(run(source).mask(0), mask() > 0)


def test_labels_of_several_values_are_chosen_by_a_person(tmp_path: Path) -> None:
    """The advice works: --defect-values takes those that mark a defect."""
    source = write_pairs(tmp_path / "source", 1)
    labels = mask() // 255
    labels[0, :] = 2
    save(source / "masks/0.png", labels)
    assert "--defect-values" in faults_of(source)["masks/0.png"]
    assert np.array_equal(run(source, defect_values=(1,)).mask(0), mask() > 0)


def test_inverted_masks_are_refused_with_advice_that_works(tmp_path: Path) -> None:
    """Masks that mark nearly all of an image, or most of most images, are asked about."""
    source = write_pairs(tmp_path / "source")
    save(source / "masks/1.png", 255 - mask())
    assert "inverted? Use --defect-values" in faults_of(source)["masks/1.png"]
    for index in range(3):
        save(source / f"masks/{index}.png", 255 - mask())
    assert len(faults_of(source)) == 3
    assert np.array_equal(run(source, defect_values=(0,)).mask(0), mask() > 0)
    shutil.rmtree(tmp_path / "real")
    assert np.array_equal(run(source, large_defects=True).mask(0), mask() == 0)
    shutil.rmtree(tmp_path / "real")
    for index in range(3):
        half = np.zeros(SIZE, np.uint8)
        half[: 20 + index] = 255
        save(source / f"masks/{index}.png", half)
    with pytest.raises(DataError, match=r"mark 70% of their images in the median"):
        run(source)


@pytest.mark.parametrize(
    "name", ["000_mask.png", "000.png", "000.bmp", "000_mask.tif", "000/0.png"]
)
def test_mvtec_masks_are_found_whatever_their_ending(tmp_path: Path, name: str) -> None:
    """Another ending, no ``_mask``, or a folder of masks: the mask belongs to its photograph."""
    save(tmp_path / "source/test/good/000.jpg", image(1))
    save(tmp_path / "source/test/bent/000.jpg", image(2))
    save(tmp_path / f"source/ground_truth/bent/{name}", mask())
    images = run(tmp_path / "source")
    assert images.about["source_layout"] == "mvtec-ad"
    assert {row.image_id: row.defective for row in images.rows} == {
        "test-bent-000": True,
        "test-good-000": False,
    }


def test_a_linked_class_folder_is_followed(tmp_path: Path) -> None:
    """A folder that is a link holds photographs like any other."""
    source = write_pairs(tmp_path / "source", 1)
    for kind, plane in (("images", image(5)), ("masks", mask())):
        save(tmp_path / f"elsewhere/{kind}/9.png", plane)
        (source / kind / "dent").symlink_to(tmp_path / "elsewhere" / kind)
    assert sorted(run(source).classes) == ["defect", "dent"]


def test_a_name_that_is_not_utf_8_is_imported_and_spelled_out(tmp_path: Path) -> None:
    """Bytes of another encoding in a name stop nothing."""
    for kind, plane in (("images", image(0)), ("masks", mask())):
        (tmp_path / "source" / kind).mkdir(parents=True)
        data = cv2.imencode(".png", plane)[1].tobytes()
        folder = os.fsencode(tmp_path / "source" / kind)
        Path(os.fsdecode(folder + b"/fl\xe4che.png")).write_bytes(data)
    images = run(tmp_path / "source")
    assert images.rows[0].attributes["file"] == "images/fl\\xe4che.png"
    assert images.rows[0].defective


def test_exact_duplicates_are_joined_when_asked(tmp_path: Path) -> None:
    """Without the flag they are refused, with advice that works; with it they share a group."""
    source = write_pairs(tmp_path / "source", 4)
    save(source / "images/3.png", image(0))
    with pytest.raises(DataError, match="--join-duplicates"):
        run(source)
    asked = Source(source, "tiny", join_duplicates=True)
    images = import_source(asked, tmp_path / "tiny")[0]
    assert [row.group for row in images.rows] == ["0", "1", "2", "0"]
    (remark,) = images.about["report"]["remarks"]
    assert "4 groups are joined into 3" in remark


def test_copies_that_roboflow_made_of_an_image_share_a_group(tmp_path: Path) -> None:
    """``NAME.rf.HASH.jpg`` are augmentations of one photograph, in whatever split folder."""
    for index, name in enumerate(["train/a_png.rf.1f", "valid/a_png.rf.2e", "train/b_png.rf.3d"]):
        save(tmp_path / f"source/{name}.png", image(index))
    images = import_clean(tmp_path / "source")
    assert sorted(row.group for row in images.rows) == ["a_png", "a_png", "b_png"]
    assert "Roboflow" in images.about["grouping"]


def test_a_report_names_all_that_is_left_out(tmp_path: Path) -> None:
    """What a layout has no use for is counted by reason; hidden files and thumbnails too."""
    source = tmp_path / "source"
    source.mkdir()
    make_labelme(source)
    save(source / "@eaDir/a.png", image(3))
    (source / "notes.txt").write_text("by hand")
    (source / ".hidden").touch()
    left_out = run(source).about["report"]["left_out"]
    assert {reason: entry["count"] for reason, entry in left_out.items()} == {
        "files that are no images (.txt)": 1,
        "hidden": 1,
        "thumbnails and other files of a storage system": 1,
    }


def test_a_yolo_box_is_no_outline(tmp_path: Path) -> None:
    """Detection labels are refused by file and line."""
    (tmp_path / "source").mkdir()
    make_yolo(tmp_path / "source")
    (tmp_path / "source/train/labels/1.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    told = faults_of(tmp_path / "source")
    assert "line 1 is a box and no outline" in told["train/labels/1.txt"]


def test_clean_photographs_are_a_set(tmp_path: Path) -> None:
    """Every image of a folder, nested or not, is defect-free without a mask."""
    for index, name in enumerate(["a.png", "deep/er/b.jpg", "deep/c.bmp"]):
        save(tmp_path / "source" / name, image(index))
    images = import_clean(tmp_path / "source")
    assert [row.clean for row in images.rows] == [True] * 3
    assert not any(row.defective for row in images.rows)
    assert images.about["source_layout"] == "clean"
    assert "no labelled defect" in images.about["report"]["lacks"][0]


def make_sibling_labels(root: Path) -> None:
    write_labelme(root, shape())


@pytest.mark.parametrize("make", [write_pairs, make_coco, make_sibling_labels, make_yolo])
def test_clean_beside_labels_is_refused(tmp_path: Path, make: object) -> None:
    """A source with masks or annotations is not clean: one sentence, nothing written."""
    (tmp_path / "source").mkdir()
    make(tmp_path / "source")
    with pytest.raises(DataError, match=r"--clean declares .* but .* holds \d+ masks or annot"):
        import_clean(tmp_path / "source")
    assert not (tmp_path / "real").exists()


def test_a_region_of_interest_is_kept_with_the_set(tmp_path: Path) -> None:
    """All images share it; defects wholly outside it are counted."""
    source = write_pairs(tmp_path / "source")
    region = np.zeros(SIZE, np.uint8)
    region[:15] = 255
    save(tmp_path / "roi.png", region)
    asked = Source(source, "tiny", region=tmp_path / "roi.png")
    images = import_source(asked, tmp_path / "tiny")[0]
    assert np.array_equal(images.region, region > 0)
    (remark,) = images.about["report"]["remarks"]
    assert "outside the region of interest" in remark
    assert import_source(asked, tmp_path / "tiny")[1] is True


@pytest.mark.parametrize(
    ("region", "problem"),
    [
        (np.zeros(SIZE, np.uint8), "covers nothing"),
        (
            np.full((9, 9), 255, np.uint8),
            "another size than 1 images, such as 0.png with 40 x 30",
        ),
        (image(0), "accepted: 0 and one other"),
        (None, "roi.png: "),
    ],
)
def test_a_region_of_interest_that_fits_nothing_is_refused(
    tmp_path: Path, region: np.ndarray | None, problem: str
) -> None:
    """Of another size, covering nothing, or no mask: nothing is written."""
    save(tmp_path / "source/0.png", image(0))
    if region is None:
        (tmp_path / "roi.png").write_text("no image")
    else:
        save(tmp_path / "roi.png", region)
    with pytest.raises(DataError) as refusal:
        import_clean(tmp_path / "source", region=tmp_path / "roi.png")
    assert problem in "\n".join([str(refusal.value), *refusal.value.files])
    assert not (tmp_path / "real" / "tiny").exists()


def test_12_bits_in_16_are_told_and_honoured(tmp_path: Path) -> None:
    """Where no image uses its top bits the report says so; --bits scales and is kept."""
    for index in range(3):
        save(tmp_path / f"source/{index}.png", image(index).astype(np.uint16) * 16 + 15)
    images = import_clean(tmp_path / "source")
    assert images.image(0).max() < 32
    (warning,) = images.about["report"]["remarks"]
    assert "top 4 bits are never used" in warning
    assert "--bits 12" in warning
    shutil.rmtree(tmp_path / "real")
    images = import_clean(tmp_path / "source", choices=Choices(bits=12))
    assert np.abs(images.image(0).astype(int) - image(0)).max() <= 1
    assert images.about["bits"] == 12
    assert not images.about["report"]["remarks"]


def test_files_that_cannot_be_read_are_faults(tmp_path: Path) -> None:
    """A folder where a photograph should be, and a file larger than the limits, are named."""
    source = write_pairs(tmp_path / "source", 1)
    small = Limits(megabytes=32, megapixels=50, side=20)
    with pytest.raises(DataError) as refusal:
        import_source(Source(source, "tiny", limits=small), tmp_path / "tiny")
    assert len(refusal.value.files) == 2
    assert all("20" in line for line in refusal.value.files)
