"""From sets to packed splits: whole, checked, repeatable, the same for any number of workers."""

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from blemish.config.preprocess import Scale
from blemish.errors import DataError, ParamsError
from blemish.packed import SPLITS, PackedSet
from blemish.packing.packer import Part, pack_sets
from blemish.packing.splits import Splitting
from blemish.preprocessing import Resizing
from blemish.sets import (
    SYNTHETIC,
    DefectRecord,
    ImageSet,
    SetWriter,
    draw_instances,
    read_set,
)

SPLITTING = Splitting({"val": 0.2, "test": 0.2}, seed=7)
IMAGES = 20


def write_set(folder: Path, name: str = "tiles", seed: int = 0, images: int = IMAGES) -> ImageSet:
    rng = np.random.default_rng(seed)
    layout = SYNTHETIC if name == SYNTHETIC else "pairs"
    with SetWriter(folder / name, name, layout) as writer:
        for index in range(images):
            image = rng.integers(0, 256, (24, 32), dtype=np.uint8)
            mask = np.zeros(image.shape, bool)
            if index % 2:
                mask[4:8, index % 8 : 20] = True
            defects = [DefectRecord("pit", mask, 2.0, 4.0)] if index % 2 else []
            surface = {"surface": ["cast", "rolled"][index // 2 % 2]}
            group = f"part-{index // 2}"
            writer.add(
                f"i{index:02}", image, mask, group=group, defects=defects, attributes=surface
            )
    return read_set(folder / name)


def pack(sets: list[ImageSet], out: Path, *how: object, workers: int = 1) -> dict:
    return pack_sets([Part(sets, out)], *how, workers=workers)[0]


def members(out: Path, key: Callable = lambda record: record.group) -> dict[str, set[str]]:
    found = defaultdict(set)
    for split in SPLITS:
        packed = PackedSet.open(out, split)
        for index in range(len(packed)):
            found[split].add(key(packed.record(index)))
    return found


def test_every_image_is_packed_once_as_it_was(tmp_path: Path) -> None:
    """All images appear in exactly one split, with their pixels, masks, classes and attributes."""
    images = write_set(tmp_path)
    pack([images], tmp_path / "out", SPLITTING, Resizing())
    seen = []
    for split in SPLITS:
        packed = PackedSet.open(tmp_path / "out", split)
        for k in range(len(packed)):
            record = packed.record(k)
            index = [row.image_id for row in images.rows].index(record.image_id)
            assert np.array_equal(packed.image(k), images.image(index))
            assert np.array_equal(packed.mask(k), images.mask(index))
            assert [defect.area_px for defect in record.defects] == (
                [images.mask(index).sum()] if images.rows[index].defective else []
            )
            assert record.attributes == images.rows[index].attributes
            seen.append(record.image_id)
    assert sorted(seen) == [row.image_id for row in images.rows]


def test_no_group_is_in_two_splits(tmp_path: Path) -> None:
    """The two images of a part stay together."""
    pack([write_set(tmp_path)], tmp_path / "out", SPLITTING, Resizing())
    groups = members(tmp_path / "out")
    assert not groups["train"] & groups["val"]
    assert not groups["test"] & (groups["train"] | groups["val"])


def test_workers_change_no_byte(tmp_path: Path) -> None:
    """One and two processes write the same files."""
    images = write_set(tmp_path)
    for workers in (1, 2):
        pack([images], tmp_path / f"out{workers}", SPLITTING, Resizing("fit"), workers=workers)
    names = sorted(path.name for path in (tmp_path / "out1").iterdir())
    assert len(names) == 7
    for name in names:
        one, two = (tmp_path / f"out{workers}" / name for workers in (1, 2))
        assert one.read_bytes() == two.read_bytes()


def test_another_set_reshuffles_nothing(tmp_path: Path) -> None:
    """The split of a set is the same with and without a second one."""
    first, second = write_set(tmp_path), write_set(tmp_path, "more", seed=1)
    pack([first], tmp_path / "alone", SPLITTING, Resizing())
    pack([second, first], tmp_path / "both", SPLITTING, Resizing())

    def of_first(record: object) -> str | None:
        return record.image_id if record.set_name == "tiles" else None

    alone, both = members(tmp_path / "alone", of_first), members(tmp_path / "both", of_first)
    assert alone == {split: names - {None} for split, names in both.items()}


def test_what_is_held_out_is_the_test_split(tmp_path: Path) -> None:
    """With ``hold_out`` the family named is all of test, and nothing of it trains."""
    splitting = Splitting({"val": 0.2, "test": 0.2}, 7, "surface=rolled")
    pack([write_set(tmp_path)], tmp_path / "out", splitting, Resizing())
    surfaces = members(tmp_path / "out", lambda record: record.attributes["surface"])
    assert surfaces == {"train": {"cast"}, "val": {"cast"}, "test": {"rolled"}}


def test_holding_out_nothing_is_refused(tmp_path: Path) -> None:
    """A family that no image belongs to is named, with those that there are."""
    splitting = Splitting({"val": 0.2, "test": 0.2}, 7, "surface=wood")
    with pytest.raises(ParamsError, match="accepted: surface=cast, surface=rolled"):
        pack([write_set(tmp_path)], tmp_path / "out", splitting, Resizing())


def test_scale_applies_to_images_and_defects_alike(tmp_path: Path) -> None:
    """At half scale planes, areas and widths shrink together."""
    pack([write_set(tmp_path)], tmp_path / "out", SPLITTING, Resizing(Scale(scale=0.5)))
    packed = PackedSet.open(tmp_path / "out", "train")
    record = next(r for r in map(packed.record, range(len(packed))) if r.defects)
    assert (record.height, record.width) == (12, 16)
    assert record.defects[0].width_px == 2.0


def test_overlapping_defects_all_show(tmp_path: Path) -> None:
    """The smaller of two nested defects is drawn over the larger, whichever comes first."""
    large, small = np.zeros((2, 10, 12), bool)
    large[1:9, 1:9], small[4, 4:6] = True, True
    image = np.zeros((10, 12), np.uint8)
    with SetWriter(tmp_path / "nested", "nested", "pairs") as writer:
        for name, masks in (("a", (large, small)), ("b", (small, large))):
            defects = [DefectRecord("pit", mask) for mask in masks]
            writer.add(name, image, large, group="g", defects=defects)
    images = read_set(tmp_path / "nested")
    first, second = (draw_instances((10, 12), images.marks(name)) for name in "ab")
    assert np.array_equal(first == 2, small)
    assert np.array_equal(second == 1, small)
    assert np.array_equal(first > 0, large)


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
            defects = [DefectRecord("pit", mask)] if defective else []
            writer.add(f"i{index}", image, mask, group=f"g{index}", defects=defects, clean=clean)
    described = pack([read_set(tmp_path / "line-3")], tmp_path / "out", SPLITTING, Resizing())
    packed = {split: PackedSet.open(tmp_path / "out", split) for split in SPLITS}
    assert {split: len(one) for split, one in packed.items() if len(one)} == splits
    assert len(described["notes"]) == 1
    assert note in described["notes"][0]
    assert described["sets"]["line-3"]["train"]["clean"] == sum(
        packed["train"].record(index).clean for index in range(splits["train"])
    )
    if LABELLED in kinds:
        assert any(packed["train"].mask(index).any() for index in range(splits["train"]))


def test_a_part_without_sets_is_empty_and_changes_no_other(tmp_path: Path) -> None:
    """The splits of one part are the same bytes whatever sets the other has."""
    images, more = write_set(tmp_path), write_set(tmp_path, "more", seed=1)
    for name, others in (("without", []), ("with", [more])):
        parts = [Part([images], tmp_path / name / "one"), Part(others, tmp_path / name / "other")]
        pack_sets(parts, SPLITTING, Resizing())
    for path in (tmp_path / "without" / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "with" / "one" / path.name).read_bytes()
    assert [len(PackedSet.open(tmp_path / "without/other", split)) for split in SPLITS] == [0] * 3
    described = json.loads((tmp_path / "without/other/statistics.json").read_text())
    assert (described["images"], described["figures"], described["sets"]) == (0, {}, {})


def with_region(folder: Path, region: np.ndarray) -> ImageSet:
    images = write_set(folder, "regional")
    with SetWriter(folder / "regional", "regional", "pairs") as writer:
        for index, row in enumerate(images.rows[:6]):
            mask, defects = images.mask(index), images.defects(row.image_id)
            writer.add(row.image_id, images.image(index), mask, group=row.group, defects=defects)
        writer.add_region(region)
    return read_set(folder / "regional")


def test_a_region_of_interest_is_carried_at_the_model_s_scale(tmp_path: Path) -> None:
    """The region of a set comes with each of its images, scaled as they are, stored once."""
    region = np.zeros((24, 32), bool)
    region[4:20, 8:30] = True
    images = with_region(tmp_path, region)
    assert np.array_equal(images.region, region)
    pack(
        [images, write_set(tmp_path, seed=9)],
        tmp_path / "out",
        SPLITTING,
        Resizing(Scale(scale=0.5)),
    )
    packed = PackedSet.open(tmp_path / "out", "train")
    for index in range(len(packed)):
        found = packed.region(index)
        if packed.record(index).set_name == "regional":
            assert np.array_equal(found, region[::2, ::2])
        else:
            assert found is None
    entries = json.loads((tmp_path / "out/train.json").read_text())["images"]
    assert len({tuple(one["region"]) for one in entries if "region" in one}) == 1


@pytest.mark.parametrize(("first_row", "area"), [(5, 12), (10, 0)])
def test_defects_outside_the_region_of_interest_are_left_out(
    tmp_path: Path, first_row: int, area: int
) -> None:
    """A defect counts as far as it lies inside; an image with none inside is defect-free."""
    region = np.zeros((24, 32), bool)
    region[first_row:, 16:] = True  # defects lie in rows 4 to 7 and end in column 19
    images = with_region(tmp_path, region)
    summary = pack([images], tmp_path / "out", SPLITTING, Resizing())
    found = []
    for split in SPLITS:
        packed = PackedSet.open(tmp_path / "out", split)
        for index in range(len(packed)):
            assert packed.mask(index).sum() == sum(d.area_px for d in packed.record(index).defects)
            found += [defect.area_px for defect in packed.record(index).defects]
    assert found == ([area] * 3 if area else [])
    counts = summary["sets"]["regional"].values()
    assert sum(one["defective"] for one in counts) == len(found)


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
