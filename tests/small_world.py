"""A small world for evaluation and export: packed splits, a network trained on them."""

import functools
import io
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from blemish import files
from blemish.arrays import Plane
from blemish.model import UNetTiny
from blemish.packed import Annotation, PackedDefect, PackedWriter, pack_image

SIDE = 96
WIDTH = 8
THRESHOLD = 0.5

Instances = npt.NDArray[np.uint8]


def draw(rng: np.random.Generator, *, defective: bool) -> tuple[Plane, Instances]:
    """Draw grain, and in it a dark scratch (1) and a bright pit (2)."""
    levels = rng.normal(128, 6, (SIDE, SIDE))
    instances = np.zeros((SIDE, SIDE), np.uint8)
    if defective:
        row, column = rng.integers(8, SIDE - 24, 2)
        levels[row : row + 4, 8 : SIDE - 8] -= 70
        instances[row : row + 4, 8 : SIDE - 8] = 1
        levels[row + 8 : row + 18, column : column + 10] += 70
        instances[row + 8 : row + 18, column : column + 10] = 2
    return np.clip(levels, 0, 255).astype(np.uint8), instances


def write_split(folder: Path, split: str, count: int, seed: int) -> None:
    """Pack images of two sets that share their image ids; one in three is free."""
    rng = np.random.default_rng(seed)
    with PackedWriter(folder, split) as writer:
        for i in range(count):
            image, instances = draw(rng, defective=i % 3 != 0)
            areas = np.bincount(instances.ravel(), minlength=3)
            defects = (
                PackedDefect("scratch", int(areas[1]), 4.0, 9.0),
                PackedDefect("pit", int(areas[2]), None, 1.5),
            )
            annotation = Annotation(
                image_id=f"image{i // 2:03}",
                set_name=("alpha", "beta")[i % 2],
                group=f"part{i // 4}",
                width=SIDE,
                height=SIDE,
                defects=defects if areas[1] else (),
                attributes={},
            )
            writer.add(pack_image(annotation, image, instances))


def write_data(folder: Path) -> Path:
    """Write all splits and the statistics that a model file carries."""
    for seed, (split, count) in enumerate((("train", 24), ("val", 12), ("test", 18))):
        write_split(folder, split, count, seed)
    files.write_json(folder / "statistics.json", {"images": 24, "classes": ["scratch", "pit"]})
    return folder


def write_nothing(folder: Path) -> Path:
    """Write splits without an image, as preprocess does where no set is chosen."""
    for split in ("train", "val", "test"):
        write_split(folder, split, 0, 0)
    files.write_json(folder / "statistics.json", {"images": 0, "figures": {}, "classes": []})
    return folder


@functools.cache
def trained_weights() -> bytes:
    """Train a narrow network for a few seconds, until it finds what is drawn here."""
    torch.set_num_threads(1)  # threads that wait for a busy machine cost more than they bring
    torch.manual_seed(0)
    network = UNetTiny(width=WIDTH)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
    rng = np.random.default_rng(99)
    for _ in range(50):
        drawn = [draw(rng, defective=k % 4 != 0) for k in range(8)]
        images = torch.from_numpy(np.stack([image for image, _ in drawn]))[:, None]
        truth = torch.from_numpy(np.stack([i > 0 for _, i in drawn])).float()[:, None]
        loss = functional.binary_cross_entropy_with_logits(network(images), truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    buffer = io.BytesIO()
    torch.save(network.state_dict(), buffer)
    return buffer.getvalue()


def write_trained(folder: Path) -> Path:
    """Write what training leaves."""
    files.write_bytes(folder / "weights.pt", trained_weights())
    description = {
        "fingerprint": "f" * 64,
        "architecture": {"name": "UNetTiny", "width": WIDTH},
        "best_epoch": 1,
    }
    files.write_json(folder / "training.json", description)
    return folder


def write_evaluated(folder: Path) -> Path:
    """Write what export needs of evaluation."""
    files.write_json(folder / "threshold.json", {"threshold": THRESHOLD, "peak": 0.0})
    files.write_json(folder / "details.json", {"headline": {"sets": ["alpha", "beta"]}})
    return folder


def tree_bytes(folder: Path) -> dict[str, bytes]:
    """Return every file under a folder, by relative name."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def read_json(path: Path) -> dict:
    """Read a JSON object."""
    return json.loads(path.read_text(encoding="utf-8"))
