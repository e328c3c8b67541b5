"""The description of packed splits: small, and right."""

import json

import numpy as np

from blemish.image_statistics import image_statistics
from blemish.packed import Annotation, PackedDefect
from blemish.packing.split_statistics import describe_splits


def noise(size: int = 128, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size, size), dtype=np.uint8)


def test_the_description_of_splits_fits_a_model_file() -> None:
    """It describes training images only, counts all splits, and stays under 20 KB."""
    numbers = image_statistics(noise())

    def entry(split: str, index: int) -> tuple:
        marks = (PackedDefect("pit", 40),) if index % 2 else ()
        annotation = Annotation(f"{split}{index}", "some", f"g{index}", 128, 128, marks, {})
        return split, annotation, numbers

    images = [entry("train", k) for k in range(6)] + [entry("test", k) for k in range(3)]
    described = describe_splits(images)
    assert described["images"] == 6
    assert described["defective_share"] == 0.5
    assert described["classes"] == ["pit"]
    assert described["sets"]["some"]["test"]["defects"] == 1
    assert len(json.dumps(described, allow_nan=False)) < 20_000
