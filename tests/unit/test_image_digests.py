"""Images of splits by content."""

from pathlib import Path

import numpy as np
import pytest
from small_world import write_data

from blemish.image_digests import (
    ImageDigest,
    digest_splits,
    plane_digest,
    read_digests,
    write_digests,
)
from blemish.packed import PackedSet


def test_what_is_written_is_read() -> None:
    """Names with commas, quotes and line ends come back whole; another table is refused."""
    digests = (ImageDigest("train", 'a,"b"', "g\r\n1", "x;y", "0" * 64),)
    assert read_digests(write_digests(digests)) == digests
    with pytest.raises(ValueError, match=r"images\.csv"):
        read_digests("a,b\n1,2\n")


def test_content_alone_decides() -> None:
    """Planes of the same pixels and shape share a digest; another shape or pixel has another."""
    plane = np.arange(12, dtype=np.uint8).reshape(3, 4)
    turned = np.asfortranarray(plane)
    assert plane_digest(plane) == plane_digest(turned)
    others = {plane_digest(plane), plane_digest(plane.reshape(4, 3)), plane_digest(plane + 1)}
    assert len(others) == 3


def test_every_image_of_every_split_is_listed(tmp_path: Path) -> None:
    """The digest of a listed image is that of its plane in the packed split."""
    packed_folder = write_data(tmp_path)
    listed = list(digest_splits(packed_folder))
    sizes = {name: len(PackedSet.open(packed_folder, name)) for name in ("train", "val", "test")}
    assert {n: sum(d.split == n for d in listed) for n in sizes} == sizes
    first = next(d for d in listed if d.split == "test")
    assert first.sha256 == plane_digest(PackedSet.open(packed_folder, "test").image(0))
