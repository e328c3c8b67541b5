"""What packing refuses of a set, by file, and what it only says."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from unit.packing.tiny_sets import IMAGES, SPLITTING, pack, with_region, write_set

from blemish.errors import DataError
from blemish.packed import SPLITS, PackedSet
from blemish.preprocessing import Resizing
from blemish.sets import (
    SYNTHETIC,
    ImageSet,
    LabelledDefect,
    SetWriter,
    read_set,
)


def swap(path: Path, image: np.ndarray) -> None:
    cv2.imwrite(str(path), image)


def spoil(images: ImageSet) -> dict[str, str]:
    """Put one fault of each kind into a set; return what must be said of which file."""
    folder = images.folder
    swap(folder / "masks/i00.png", np.zeros((10, 10), np.uint8))
    swap(folder / "masks/i01.png", np.zeros((24, 32, 3), np.uint8))
    swap(folder / "masks/i02.png", np.full((24, 32), 7, np.uint8))
    swap(folder / "masks/stray.png", np.zeros((24, 32), np.uint8))
    swap(folder / "masks/i03.png", np.zeros((24, 32), np.uint8))
    (folder / "images/i04.png").write_bytes((folder / "images/i04.png").read_bytes()[:100])
    (folder / "images/i05.png").unlink()
    swap(folder / "images/i06.png", np.zeros((9, 9), np.uint8))
    swap(folder / "images/i08.png", images.image(10))
    (folder / "images/extra.png").write_bytes(b"")
    return {
        "tiles/masks/i00.png": "10 x 10 pixels, its image 32 x 24",
        "tiles/masks/i01.png": "3 channels",
        "tiles/masks/i02.png": "values 7 (1 in all); accepted: 0 and 255",
        "tiles/masks/i03.png": "differs from defects.jsonl in",
        "tiles/masks/stray.png": "an orphan mask",
        "tiles/images/extra.png": "no row of index.csv names it",
        "tiles/images/i04.png": "no readable PNG",
        "tiles/images/i05.png": "missing",
        "tiles/images/i06.png": "9 x 9 pixels; index.csv says 32 x 24",
        "tiles/images/i08.png": "is the same image as tiles/images/i10.png",
    }


@pytest.mark.parametrize("workers", [1, 2])
def test_every_bad_file_is_named_once(tmp_path: Path, workers: int) -> None:
    """All faults of a set are told together, each file once, and no output appears."""
    images = write_set(tmp_path)
    expected = spoil(images)
    with pytest.raises(DataError) as refusal:
        pack([images], tmp_path / "out", SPLITTING, Resizing(), workers=workers)
    told = dict(line.split(": ", 1) for line in refusal.value.files)
    assert len(told) == len(refusal.value.files)
    assert told.keys() == expected.keys()
    for file, problem in expected.items():
        assert problem in told[file]
    assert [path.name for path in tmp_path.iterdir()] == ["tiles"]


def test_an_empty_set_is_refused(tmp_path: Path) -> None:
    """A set without images is named."""
    with SetWriter(tmp_path / "none", "none", "pairs"):
        pass
    with pytest.raises(DataError, match=r"none/index.csv: an empty set"):
        pack([read_set(tmp_path / "none")], tmp_path / "out", SPLITTING, Resizing())


def test_a_synthetic_split_without_a_defect_is_refused(tmp_path: Path) -> None:
    """With two defective groups one split would have none: the set and the split are named."""
    images = write_set(tmp_path, SYNTHETIC, images=4)
    with pytest.raises(DataError) as refusal:
        pack([images], tmp_path / "out", SPLITTING, Resizing())
    assert "synthetic/index.csv: nothing at all in split" in refusal.value.files[0]
    assert "at least 3 such groups are needed" in refusal.value.files[0]


CLEAN, LABELLED = (False, True), (True, False)  # (defective, clean)


@pytest.mark.parametrize(
    ("kinds", "splits", "note"),
    [
        ([LABELLED], {"train": 1}, "all 1 images train, because 1 group cannot be split three"),
        ([CLEAN] * 2, {"train": 2}, "nothing of it validates or tests"),
        ([CLEAN] * 20, {"train": 12, "val": 4, "test": 4}, "no labelled defect: the model learns"),
        ([LABELLED] * 20, {"train": 12, "val": 4, "test": 4}, "no defect-free image: the oper"),
        (
            [CLEAN] + [LABELLED] * 19,
            {"train": 12, "val": 4, "test": 4},
            "no defect-free image in ",
        ),
        (
            [LABELLED] + [CLEAN] * 19,
            {"train": 12, "val": 4, "test": 4},
            "no labelled defect in val and test: the operating point is chosen without its",
        ),
    ],
)
def test_what_a_set_lacks_is_said_not_refused(
    tmp_path: Path, kinds: list[tuple[bool, bool]], splits: dict[str, int], note: str
) -> None:
    """Few labelled, only clean or only labelled photographs are packed; one sentence a lack.

    Defects that do not reach every split train.
    """
    rng = np.random.default_rng(3)
    with SetWriter(tmp_path / "line-3", "line-3", "pairs") as writer:
        for index, (defective, clean) in enumerate(kinds):
            mask = np.zeros((16, 20), bool)
            mask[3:6, 3:9] = defective
            image = rng.integers(0, 256, mask.shape, dtype=np.uint8)
            defects = [LabelledDefect("pit", mask)] if defective else []
            writer.add(f"i{index}", image, mask, group=f"g{index}", defects=defects, clean=clean)
    described = pack([read_set(tmp_path / "line-3")], tmp_path / "out", SPLITTING, Resizing())
    packed = {split: PackedSet.open(tmp_path / "out", split) for split in SPLITS}
    assert {split: len(one) for split, one in packed.items() if len(one)} == splits
    assert len(described["notes"]) == 1
    assert note in described["notes"][0]
    assert described["sets"]["line-3"]["train"]["clean"] == sum(
        packed["train"].annotation(index).clean for index in range(splits["train"])
    )
    if LABELLED in kinds:
        assert any(packed["train"].mask(index).any() for index in range(splits["train"]))


@pytest.mark.parametrize(
    ("region", "problem"),
    [
        (np.zeros((24, 32), bool), "covers nothing"),
        (np.ones((10, 32), bool), "has 32 x 10 pixels, but an image has 32 x 24"),
        (None, "is missing or corrupt"),
    ],
)
def test_a_spoilt_region_of_interest_is_named(
    tmp_path: Path, region: np.ndarray | None, problem: str
) -> None:
    """A region that covers nothing, fits no image or is gone is one fault of the set."""
    images = with_region(tmp_path, np.ones((1, 1), bool) if region is None else region)
    if region is None:
        (images.folder / "region.png").unlink()
    with pytest.raises(DataError) as refusal:
        pack([images], tmp_path / "out", SPLITTING, Resizing())
    assert len(refusal.value.files) == 1
    assert f"regional/region.png: the region of interest {problem}" in refusal.value.files[0]


def test_equal_images_of_two_sets_are_named(tmp_path: Path) -> None:
    """An image that is in two sets could train what it tests."""
    first, second = write_set(tmp_path), write_set(tmp_path, "again")
    with pytest.raises(DataError) as refusal:
        pack([first, second], tmp_path / "out", SPLITTING, Resizing())
    assert len(refusal.value.files) == IMAGES
    assert "is the same image as again/images/i00.png" in refusal.value.files[0]


def test_corrupt_defects_are_named(tmp_path: Path) -> None:
    """Run lengths that do not fill the mask are a fault of ``defects.jsonl``."""
    images = write_set(tmp_path)
    path = images.folder / "defects.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[0]["rle"]["counts"] = "11"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(DataError, match=r"tiles/defects.jsonl: corrupt at i01"):
        pack([read_set(images.folder)], tmp_path / "out", SPLITTING, Resizing())
