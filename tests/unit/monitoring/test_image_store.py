"""The logged images as files."""

import hashlib
import os
from pathlib import Path

import pytest

from blemish.monitoring.image_store import ImageStore


def put(store: ImageStore, data: bytes, *, seen: float | None = None) -> str:
    name = hashlib.sha256(data).hexdigest()
    store.put(name, data)
    if seen is not None:
        os.utime(store.folder / name[:2] / name, (seen, seen))
    return name


def test_what_is_put_is_got_back(tmp_path: Path) -> None:
    """An image comes back by its hash; one never put is None."""
    store = ImageStore(tmp_path)
    assert store.get(put(store, b"image")) == b"image"
    assert store.get("0" * 64) is None


@pytest.mark.parametrize("name", ["../../etc/passwd", "A" * 64, "a" * 63, ""])
def test_only_a_hash_is_a_name(tmp_path: Path, name: str) -> None:
    """Anything but 64 hexadecimal digits is refused, so that no path leaves the folder."""
    with pytest.raises(ValueError, match="64 hexadecimal"):
        ImageStore(tmp_path).put(name, b"x")


def test_age_counts_from_when_a_image_was_last_seen(tmp_path: Path) -> None:
    """An image seen again is young again; one not seen for the days given goes."""
    store = ImageStore(tmp_path)
    old, seen_again = put(store, b"old", seen=1_000), put(store, b"again", seen=1_000)
    store.put(seen_again, b"again")
    assert store.prune(days=1, megabytes=1) == (1, 3)
    assert (store.get(old), store.get(seen_again)) == (None, b"again")


def test_beyond_the_size_the_oldest_go(tmp_path: Path) -> None:
    """Of three images of 400 kB in 1 MB, the one seen first goes."""
    store = ImageStore(tmp_path)
    names = [put(store, bytes([n]) * 400_000, seen=1_000_000 + n) for n in range(3)]
    assert store.prune(days=1, megabytes=1, now=1_000_100) == (1, 400_000)
    assert [store.get(name) is None for name in names] == [True, False, False]


def test_the_size_is_bounded_while_images_come_in(tmp_path: Path) -> None:
    """However many images come, all of them together never exceed the bound by a fiftieth."""
    store = ImageStore(tmp_path, megabytes=0.1)
    largest = 0
    for number in range(300):
        store.put(f"{number:064x}", bytes(1_000))
        largest = max(
            largest, sum(one.stat().st_size for one in tmp_path.rglob("*") if one.is_file())
        )
    assert largest <= 0.1e6 * 1.02 + 1_000
    assert store.get(f"{299:064x}") is not None
