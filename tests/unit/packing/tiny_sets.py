"""Small sets on disk, and what became of them in the splits."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np

from blemish.packed import SPLITS, PackedSet
from blemish.packing.packer import Part, pack_sets
from blemish.packing.splits import Splitting
from blemish.sets import (
    SYNTHETIC,
    ImageSet,
    LabelledDefect,
    SetWriter,
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
            defects = [LabelledDefect("pit", mask, 2.0, 4.0)] if index % 2 else []
            surface = {"surface": ["cast", "rolled"][index // 2 % 2]}
            group = f"part-{index // 2}"
            writer.add(
                f"i{index:02}", image, mask, group=group, defects=defects, attributes=surface
            )
    return read_set(folder / name)


def pack(sets: list[ImageSet], out: Path, *how: object, workers: int = 1) -> dict:
    return pack_sets([Part(sets, out)], *how, workers=workers)[0]


def members(out: Path, key: Callable = lambda annotation: annotation.group) -> dict[str, set[str]]:
    found = defaultdict(set)
    for split in SPLITS:
        packed = PackedSet.open(out, split)
        for index in range(len(packed)):
            found[split].add(key(packed.annotation(index)))
    return found


def with_region(folder: Path, region: np.ndarray) -> ImageSet:
    images = write_set(folder, "regional")
    with SetWriter(folder / "regional", "regional", "pairs") as writer:
        for index, row in enumerate(images.rows[:6]):
            mask, defects = images.mask(index), images.defects(row.image_id)
            writer.add(row.image_id, images.image(index), mask, group=row.group, defects=defects)
        writer.add_region(region)
    return read_set(folder / "regional")
