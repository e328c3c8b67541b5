"""Import never lies and never omits in silence: each kind of odd source, and what must be said."""

import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from unit.importing.odd_sources import import_clean, shape, write_labelme, write_pairs
from unit.importing.test_layouts import run
from unit.tiny_sources import SIZE, image, make_coco, make_labelme, make_yolo, mask, save

from blemish.errors import DataError
from blemish.imaging import Limits
from blemish.importing.choices import Choices
from blemish.importing.import_plan import Source
from blemish.importing.importer import import_source


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


def make_masks_of_other_names(root: Path) -> None:
    save(root / "images" / "a.png", image(0))
    save(root / "masks" / "unlike.png", image(1))


@pytest.mark.parametrize(
    "make",
    [write_pairs, make_coco, make_sibling_labels, make_yolo, make_masks_of_other_names],
)
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


@pytest.mark.parametrize("name", ["roi.png", "roi.jpg"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_region_of_interest_may_have_soft_edges(tmp_path: Path, name: str, channels: int) -> None:
    """Blurred, JPEG or RGB of equal channels: it is cut at half of its range, beside --clean."""
    region = np.zeros(SIZE, np.uint8)
    region[5:25, 5:30] = 255
    soft = cv2.GaussianBlur(region, (0, 0), 2)
    save(tmp_path / name, soft if channels == 1 else np.dstack([soft] * 3))
    save(tmp_path / "source/0.png", image(0))
    kept = import_clean(tmp_path / "source", region=tmp_path / name).region
    assert (kept != (region > 0)).mean() < 0.02


def test_a_refused_region_of_interest_is_accepted_as_advised(tmp_path: Path) -> None:
    """Painted white where the part is and black elsewhere, the same region is read."""
    region = np.zeros(SIZE, np.uint8)
    region[5:25, 5:30] = 255
    soft = cv2.GaussianBlur(region, (0, 0), 2)
    save(tmp_path / "source/0.png", image(0))
    save(tmp_path / "roi.png", np.dstack([soft, soft // 4, soft // 9]))
    with pytest.raises(DataError, match="white where the part is, black elsewhere"):
        import_clean(tmp_path / "source", region=tmp_path / "roi.png")
    save(tmp_path / "roi.png", soft)
    kept = import_clean(tmp_path / "source", region=tmp_path / "roi.png").region
    assert (kept != (region > 0)).mean() < 0.02


@pytest.mark.parametrize("colours", [[255] * 3 + [0] * 3, [0] * 3 + [255] * 3])
def test_a_palette_region_of_interest_is_read_by_colour(tmp_path: Path, colours: list[int]) -> None:
    """White is the part, whatever its index: a person sees colours."""
    drawn = Image.fromarray(mask() // 255, "P")
    drawn.putpalette(colours)
    drawn.save(tmp_path / "roi.png")
    save(tmp_path / "source/0.png", image(0))
    kept = import_clean(tmp_path / "source", region=tmp_path / "roi.png").region
    assert np.array_equal(kept, (mask() > 0) == (colours[0] == 0))


@pytest.mark.parametrize(
    ("region", "problem"),
    [
        (np.zeros(SIZE, np.uint8), "covers nothing"),
        (
            np.full((9, 9), 255, np.uint8),
            "another size than 1 images, such as 0.png with 40 x 30",
        ),
        (image(0), "shades of grey"),
        (np.dstack([image(0), image(1), image(2)]), "an image in colour (RGB)"),
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
