"""How a model that saw only drawn images does on photographs of metal.

    python benchmarks/transfer.py MODEL.onnx [--worst FOLDER]

Reads ``magnetic-tile`` and ``x-sdd`` in ``BLEMISH_REAL_DATA`` and applies the model as ``blemish
predict`` does, at its stored threshold: Dice pooled over all tiles, by class, the share of
defect-free tiles with any mark; and of photographs without masks, how many get a mark, and how
large it is.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from blemish.config import settings
from blemish.files import write_bytes
from blemish.inference import Segmenter
from blemish.metrics.pixels import Counts, count
from blemish.visualization import encode_png, overlay_truth

TILES = "magnetic-tile"
_WORST = 40  # images written by --worst: those with most wrong pixels
_EVERY = 4  # of the photographs without masks, every fourth is enough


@dataclass(frozen=True)
class Judged:
    """One photograph, and what the model made of it."""

    path: Path
    family: str
    counts: Counts

    @property
    def marked(self) -> bool:
        """Whether there is any mark."""
        return self.counts.tp + self.counts.fp > 0


def main() -> None:
    """Measure one model and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--worst", type=Path, help="folder for images of the worst failures")
    options = parser.parse_args()
    root = settings().real_data
    if root is None or not root.is_dir():
        sys.exit("No folder of real sets. Name one: BLEMISH_REAL_DATA=FOLDER")
    segmenter = Segmenter.from_file(options.model)
    tiles = [judge(segmenter, *pair) for pair in tile_pairs(root / TILES)]
    show_tiles(tiles)
    show_unmasked(segmenter, root / "x-sdd")
    if options.worst:
        write_worst(segmenter, tiles, options.worst)


def tile_pairs(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield each photograph of a tile and its class."""
    for path in sorted(root.glob("MT_*/Imgs/*.jpg")):
        yield path, path.parents[1].name.removeprefix("MT_").lower()


def judge(segmenter: Segmenter, path: Path, family: str) -> Judged:
    """Predict one photograph and compare it with its mask."""
    return Judged(path, family, count(segmenter.predict(read(path)).mask, truth_of(path)))


def read(path: Path) -> NDArray[np.uint8]:
    """Return a photograph as a grey plane."""
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), dtype=np.uint8)


def truth_of(path: Path) -> NDArray[np.bool_]:
    """Return the mask beside a photograph."""
    return np.asarray(read(path.with_suffix(".png")) > 127)


def pooled(judged: list[Judged]) -> Counts:
    """Return the sum over photographs."""
    return sum((item.counts for item in judged), Counts())


def show_tiles(tiles: list[Judged]) -> None:
    """Print Dice, precision and recall, pooled over the pixels of each class and of all."""
    table = Table("tiles", "images", "Dice", "precision", "recall", "any mark")
    families = sorted({tile.family for tile in tiles})
    rows = [("all", tiles), *((name, [t for t in tiles if t.family == name]) for name in families)]
    for name, chosen in rows:
        counts = pooled(chosen)
        metrics = (counts.dice, counts.precision, counts.recall)
        marked = float(np.mean([tile.marked for tile in chosen]))
        table.add_row(name, str(len(chosen)), *(f"{f:.3f}" for f in metrics), f"{marked:.2f}")
    Console().print(table)


def show_unmasked(segmenter: Segmenter, root: Path) -> None:
    """Print, for photographs that all show a defect, how many get a mark and how much of them."""
    table = Table("strip steel", "images", "any mark", "median area of marked")
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        files = sorted(folder.iterdir())[::_EVERY]
        areas = np.array([segmenter.predict(read(path)).mask.mean() for path in files])
        typical = float(np.median(areas[areas > 0])) if areas.any() else 0.0
        table.add_row(folder.name, str(len(files)), f"{np.mean(areas > 0):.2f}", f"{typical:.3f}")
    Console().print(table)


def write_worst(segmenter: Segmenter, tiles: list[Judged], folder: Path) -> None:
    """Write the photographs with most wrong pixels: found green, false vermillion, missed blue."""
    ranked = sorted(tiles, key=lambda tile: tile.counts.fp + tile.counts.fn, reverse=True)
    for place, tile in enumerate(ranked[:_WORST]):
        plane = read(tile.path)
        mask = segmenter.predict(plane).mask
        image = overlay_truth(plane, mask, truth_of(tile.path))
        both = np.hstack([cv2.cvtColor(plane, cv2.COLOR_GRAY2RGB), image]).astype(np.uint8)
        write_bytes(folder / f"{place:02}_{tile.family}_{tile.path.stem}.png", encode_png(both))


if __name__ == "__main__":
    main()
