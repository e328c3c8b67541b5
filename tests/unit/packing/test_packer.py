"""From sets to packed splits: whole, repeatable, the same for any number of workers."""

import json
from pathlib import Path

import numpy as np
import pytest
from unit.packing.tiny_sets import SPLITTING, members, pack, with_region, write_set

from blemish.config.preprocess import Scale
from blemish.errors import ParamsError
from blemish.packed import SPLITS, PackedSet
from blemish.packing.packer import Part, pack_sets
from blemish.packing.splits import Splitting
from blemish.preprocessing import Resizing
from blemish.sets import (
    LabelledDefect,
    SetWriter,
    draw_instances,
    read_set,
)


def test_every_image_is_packed_once_as_it_was(tmp_path: Path) -> None:
    """All images appear in exactly one split, with their pixels, masks, classes and attributes."""
    images = write_set(tmp_path)
    pack([images], tmp_path / "out", SPLITTING, Resizing())
    seen = []
    for split in SPLITS:
        packed = PackedSet.open(tmp_path / "out", split)
        for k in range(len(packed)):
            annotation = packed.annotation(k)
            index = [row.image_id for row in images.rows].index(annotation.image_id)
            assert np.array_equal(packed.image(k), images.image(index))
            assert np.array_equal(packed.mask(k), images.mask(index))
            assert [defect.area_px for defect in annotation.defects] == (
                [images.mask(index).sum()] if images.rows[index].defective else []
            )
            assert annotation.attributes == images.rows[index].attributes
            seen.append(annotation.image_id)
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

    def of_first(annotation: object) -> str | None:
        return annotation.image_id if annotation.set_name == "tiles" else None

    alone, both = members(tmp_path / "alone", of_first), members(tmp_path / "both", of_first)
    assert alone == {split: names - {None} for split, names in both.items()}


def test_what_is_held_out_is_the_test_split(tmp_path: Path) -> None:
    """With ``hold_out`` the family named is all of test, and nothing of it trains."""
    splitting = Splitting({"val": 0.2, "test": 0.2}, 7, "surface=rolled")
    pack([write_set(tmp_path)], tmp_path / "out", splitting, Resizing())
    surfaces = members(tmp_path / "out", lambda annotation: annotation.attributes["surface"])
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
    annotation = next(r for r in map(packed.annotation, range(len(packed))) if r.defects)
    assert (annotation.height, annotation.width) == (12, 16)
    assert annotation.defects[0].width_px == 2.0


def test_overlapping_defects_all_show(tmp_path: Path) -> None:
    """The smaller of two nested defects is drawn over the larger, whichever comes first."""
    large, small = np.zeros((2, 10, 12), bool)
    large[1:9, 1:9], small[4, 4:6] = True, True
    image = np.zeros((10, 12), np.uint8)
    with SetWriter(tmp_path / "nested", "nested", "pairs") as writer:
        for name, masks in (("a", (large, small)), ("b", (small, large))):
            defects = [LabelledDefect("pit", mask) for mask in masks]
            writer.add(name, image, large, group="g", defects=defects)
    images = read_set(tmp_path / "nested")
    first, second = (draw_instances((10, 12), images.marks(name)) for name in "ab")
    assert np.array_equal(first == 2, small)
    assert np.array_equal(second == 1, small)
    assert np.array_equal(first > 0, large)


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
        if packed.annotation(index).set_name == "regional":
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
            assert packed.mask(index).sum() == sum(
                d.area_px for d in packed.annotation(index).defects
            )
            found += [defect.area_px for defect in packed.annotation(index).defects]
    assert found == ([area] * 3 if area else [])
    counts = summary["sets"]["regional"].values()
    assert sum(one["defective"] for one in counts) == len(found)
