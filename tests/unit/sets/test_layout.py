"""The layout of a set on disk: what is written is what is read, and all of it or nothing."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from blemish.errors import DataError, ShapeError
from blemish.files import whole_folder
from blemish.png import decode_grey, encode_grey
from blemish.sets import LabelledDefect, SetWriter, encode_image, read_set, read_sets

PLANES = st.sampled_from([np.uint8, np.uint16]).flatmap(
    lambda dtype: arrays(dtype, st.tuples(st.integers(1, 20), st.integers(1, 20)))
)


def sample(seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[LabelledDefect]]:
    image = np.random.default_rng(seed).integers(0, 256, (20, 30), dtype=np.uint8)
    first, second = np.zeros((2, 20, 30), bool)
    first[2:5, 3:20] = True
    second[10:12, 10:12] = True
    defects = [LabelledDefect("scratch", first, 2.5, 3.0), LabelledDefect("pit", second)]
    return image, first | second, defects


def write(folder: Path, names: list[str]) -> None:
    with SetWriter(folder, "some", "synthetic") as writer:
        for name in names:
            image, mask, defects = sample()
            writer.add(
                name, image, mask, group="g", defects=defects, attributes={"surface": "cast"}
            )


@given(PLANES)
def test_png_keeps_every_pixel(plane: np.ndarray) -> None:
    """Planes of 8 and 16 bit come back from PNG as they were."""
    back = decode_grey(encode_grey(plane), "x")
    assert back.dtype == plane.dtype
    assert np.array_equal(back, plane)


@pytest.mark.parametrize(
    "bad", [np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2)), np.zeros((0, 3), np.uint8)]
)
def test_png_takes_only_grey_planes(bad: np.ndarray) -> None:
    """Colour, floats and nothing at all are refused by shape and type."""
    with pytest.raises(ShapeError, match="grey PNG takes"):
        encode_grey(bad)


def test_a_set_comes_back_as_written(tmp_path: Path) -> None:
    """Images, masks, defects, groups and attributes survive the disk; Pillow agrees."""
    write(tmp_path / "set", ["b", "a"])
    images = read_set(tmp_path / "set")
    image, mask, defects = sample()
    assert [row.image_id for row in images.rows] == ["a", "b"]
    assert images.rows[0].attributes == {"surface": "cast"}
    assert images.classes == ("pit", "scratch")
    assert images.count_defects() == {"pit": 2, "scratch": 2}
    assert np.array_equal(images.image(0), image)
    assert np.array_equal(images.mask(1), mask)
    assert np.array_equal(
        np.asarray(Image.open(tmp_path / "set" / "masks" / "a.png")), mask * np.uint8(255)
    )
    for read, given_ in zip(images.defects("a"), defects, strict=True):
        assert np.array_equal(read.mask, given_.mask)
        assert (read.class_name, read.contrast_to_noise) == (
            given_.class_name,
            given_.contrast_to_noise,
        )


def test_bounding_box_and_area_are_those_of_the_region(tmp_path: Path) -> None:
    """``defects.jsonl`` gives x, y, width, height and the number of pixels."""
    write(tmp_path / "set", ["a"])
    lines = (tmp_path / "set" / "defects.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["bbox"] == [3, 2, 17, 3]
    assert json.loads(lines[0])["area_px"] == 51


def test_order_of_adding_changes_no_byte(tmp_path: Path) -> None:
    """Two sets of the same images, added in another order, are equal file by file."""
    write(tmp_path / "one", ["a", "b", "c"])
    write(tmp_path / "two", ["c", "a", "b"])
    for path in sorted((tmp_path / "one").rglob("*.*")):
        other = tmp_path / "two" / path.relative_to(tmp_path / "one")
        assert path.read_bytes() == other.read_bytes()


def test_a_failed_writer_leaves_what_was_there(tmp_path: Path) -> None:
    """An error in the block keeps the old set and leaves no partial folder behind."""
    write(tmp_path / "set", ["a"])

    def fail() -> None:
        with SetWriter(tmp_path / "set", "some", "synthetic") as writer:
            image, mask, defects = sample()
            writer.add("new", image, mask, group="g", defects=defects)
            writer.add("new", image, mask, group="g", defects=defects)

    with pytest.raises(DataError, match="'new' was added twice"):
        fail()
    assert [row.image_id for row in read_set(tmp_path / "set").rows] == ["a"]
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_leftover_of_a_killed_writer_is_cleared(tmp_path: Path) -> None:
    """What a killed process left under the partial name does not get into the next folder."""
    (tmp_path / ".set.partial").mkdir()
    (tmp_path / ".set.partial" / "stale").touch()
    with whole_folder(tmp_path / "set") as folder:
        (folder / "fresh").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["set", "fresh"]


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b", "x" * 300])
def test_unsafe_ids_are_refused(name: str) -> None:
    """An id that is no safe stem never becomes a path."""
    image, mask, defects = sample()
    with pytest.raises(DataError, match="no safe stem"):
        encode_image(name, image, mask, group="g", defects=defects)


def test_mask_and_defects_must_agree() -> None:
    """A mask that is not the union of its defects, or of another size, is refused."""
    image, mask, defects = sample()
    with pytest.raises(DataError, match="not the union"):
        encode_image("a", image, mask, group="g", defects=defects[:1])
    with pytest.raises(ShapeError, match="must share a shape"):
        encode_image("a", image[:10], mask, group="g", defects=defects)


def test_every_set_that_cannot_be_read_is_named_at_once(tmp_path: Path) -> None:
    """Two faulty sets of three: both in one message, once each, so that one round fixes both."""
    write(tmp_path / "good", ["a"])
    folders = [tmp_path / name for name in ("missing", "good", "gone")]
    with pytest.raises(DataError, match="2 sets cannot be read") as caught:
        read_sets(folders)
    assert [str(caught.value).count(f"--name {name}") for name in ("missing", "gone")] == [1, 1]
    with pytest.raises(DataError, match=r"^No set at"):
        read_sets(folders[:2])
    assert [s.folder.name for s in read_sets(folders[1:2])] == ["good"]


def test_missing_and_corrupt_sets_are_named(tmp_path: Path) -> None:
    """No set, corrupt indexes and other formats each get a sentence with the next command."""
    with pytest.raises(DataError, match="blemish import"):
        read_set(tmp_path / "nothing")
    write(tmp_path / "set", ["a"])
    (tmp_path / "set" / "index.csv").write_text("image_id,group\na,b\n")
    with pytest.raises(DataError, match="corrupt"):
        read_set(tmp_path / "set")
    write(tmp_path / "set", ["a"])
    (tmp_path / "set" / "set.json").write_text('{"format": 99}')
    with pytest.raises(DataError, match="format 99; accepted: 1"):
        read_set(tmp_path / "set")
