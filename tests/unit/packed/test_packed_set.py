"""Packed splits: pixels and annotations come back, from threads and other processes alike."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from blemish.errors import DataError
from blemish.packed import (
    Annotation,
    PackedDefect,
    PackedSet,
    PackedWriter,
    pack_image,
)

SIZE = (12, 17)


def annotation(name: str, defects: int) -> Annotation:
    marks = tuple(PackedDefect(f"class-{k}", 1, 1.5, None) for k in range(defects))
    return Annotation(name, "some", "g", SIZE[1], SIZE[0], marks, {"surface": "cast"})


def arrays(defects: int) -> tuple[np.ndarray, np.ndarray]:
    image = np.random.default_rng(defects).integers(0, 256, SIZE, dtype=np.uint8)
    instances = np.zeros(SIZE, np.uint16)
    instances.flat[:defects] = np.arange(1, defects + 1)
    return image, instances


def write(folder: Path, counts: list[int]) -> PackedSet:
    with PackedWriter(folder, "train") as writer:
        for count in counts:
            writer.add(pack_image(annotation(f"image-{count}", count), *arrays(count)))
    return PackedSet.open(folder, "train")


def test_images_come_back_as_packed(tmp_path: Path) -> None:
    """Planes, instance maps and annotations survive, in order, with no defect and over 255."""
    counts = [0, 3, 200]
    packed = write(tmp_path, counts)
    assert len(packed) == 3
    for index, count in enumerate(counts):
        image, instances = arrays(count)
        assert np.array_equal(packed.image(index), image)
        assert np.array_equal(packed.instances(index), instances)
        assert np.array_equal(packed.mask(index), instances > 0)
        assert packed.instances(index).dtype == np.uint16
        assert packed.annotation(index) == annotation(f"image-{count}", count)


def test_more_defects_than_a_byte_counts(tmp_path: Path) -> None:
    """The 300th defect keeps its number."""
    image = np.zeros((20, 20), np.uint8)
    instances = np.arange(400).reshape(20, 20).clip(0, 300)
    marks = tuple(PackedDefect("pit", 1) for _ in range(300))
    with PackedWriter(tmp_path, "val") as writer:
        writer.add(pack_image(Annotation("a", "s", "g", 20, 20, marks, {}), image, instances))
    assert PackedSet.open(tmp_path, "val").instances(0).max() == 300


def test_a_packed_set_is_sent_by_name(tmp_path: Path) -> None:
    """Pickling sends where it lies instead of its bytes."""
    packed = write(tmp_path, [1, 2])
    sent = pickle.dumps(packed)
    assert len(sent) < 500
    assert np.array_equal(pickle.loads(sent).image(1), packed.image(1))  # noqa: S301 - ours


def test_an_annotation_must_fit_its_arrays() -> None:
    """An instance map that numbers more defects than the annotation has is refused."""
    image, instances = arrays(3)
    with pytest.raises(DataError, match="does not fit"):
        pack_image(annotation("a", 2), image, instances)


def test_no_defect_may_lie_outside_the_region_of_interest() -> None:
    """Readers rely on it, so a writer that forgets it is refused."""
    image, instances = arrays(3)
    region = np.ones(SIZE, np.bool_)
    region[:, :2] = False
    with pytest.raises(DataError, match="2 pixels of its defects lie outside the region"):
        pack_image(annotation("a", 3), image, instances, region)


def test_a_failed_writer_leaves_no_file(tmp_path: Path) -> None:
    """An error in the block leaves neither of the two files."""

    def fail() -> None:
        with PackedWriter(tmp_path, "train") as writer:
            writer.add(pack_image(annotation("a", 1), *arrays(1)))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_an_empty_split_opens(tmp_path: Path) -> None:
    """A split without images has length zero."""
    assert len(write(tmp_path, [])) == 0


def test_missing_and_corrupt_splits_are_named(tmp_path: Path) -> None:
    """No split gives the command that makes it; a corrupt one is called so."""
    with pytest.raises(DataError, match="dvc repro preprocess"):
        PackedSet.open(tmp_path, "train")
    write(tmp_path, [1])
    (tmp_path / "train.json").write_text('{"images"')
    with pytest.raises(DataError, match="corrupt"):
        PackedSet.open(tmp_path, "train")
