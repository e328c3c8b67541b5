"""What each ingredient brings: the default recipe, a quarter as long, with one thing left out.

    python benchmarks/ablation.py [ARM ...] [--epochs 5] [--test FOLDER]

Each arm draws its own images, trains on them, and chooses its threshold on its own validation
images. All arms are judged on the same: the test split of the default images (``--test``, a
folder of packed splits, ``data/processed``), and the magnetic tiles in ``BLEMISH_REAL_DATA``.
Not part of ``make bench``.
"""

import argparse
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bench.generation import draw_encoded
from judging import BINS, best_threshold, count_sets, count_tiles, dice_curve, train_arm
from sklearn.metrics import roc_auc_score
from torch import nn

from blemish.config import find_workspace, load_params, settings
from blemish.config.params import Params
from blemish.model import UNetTiny
from blemish.packed import PackedSet
from blemish.packing.packer import Part, pack_sets
from blemish.packing.splits import Splitting
from blemish.parallel import ordered_map
from blemish.preprocessing import Resizing
from blemish.sets import SetWriter, read_set
from blemish.synthesis.camera import Camera, choose_camera

SURFACES = ("milled", "turned", "cast", "blasted", "oxidised", "painted")
AREAS = ("patch", "fray", "uneven", "corrosion")
PERFECT = "a perfect camera"

ARMS: dict[str, dict[str, Any]] = {
    "default": {},
    "another seed": {"train.seed": 2},
    "only rolled and ground": {f"generate.surfaces.{name}": 0.0 for name in SURFACES},
    "no areas": {f"generate.defects.{name}": 0.0 for name in AREAS},
    "bold defects only": {"generate.contrast": [15.0, 30.0]},
    "no distractors": {"generate.distractors": 0.0},
    "no clean images": {"generate.clean_share": 0.0},
    PERFECT: {},
    "half of the images": {"generate.images": 2000},
    "crops anywhere": {"train.defect_share": 0.0},
    "crops of 128 px, as many pixels": {"train.crop": 128, "train.crops": 3920},
    "cross-entropy alone": {"train.loss.tversky_weight": 0.0},
    "focal, gamma 2": {"train.loss.focal_gamma": 2.0},
    "misses cost more, 0.3 and 0.7": {
        "train.loss.false_positive_cost": 0.3,
        "train.loss.false_negative_cost": 0.7,
    },
    "no loss at coarser scales": {"train.loss.scale_weight": 0.0},
    "no averaged weights": {"train.ema_decay": 0.0},
}
"""What is changed in ``params.yaml``, by the name of the arm."""


def main() -> None:
    """Train every arm and print a line of a table for each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("arms", nargs="*", metavar="ARM", help="all by default")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--test", type=Path, default=Path("data/processed"))
    options = parser.parse_args()
    base = load_params(find_workspace().params_file)
    common = PackedSet.open(options.test, "test")
    print("| arm | synthetic Dice | at 0.5 | tiles | their AUROC | defect-free tiles | s |")
    for name in options.arms or ARMS:
        params = changed(base, {"train.epochs": options.epochs, **ARMS[name]})
        with tempfile.TemporaryDirectory() as folder:
            data = draw_and_pack(params, Path(folder), perfect=name == PERFECT)
            torch.manual_seed(params.train.seed)
            start = UNetTiny(params.train.network.width)
            network, seconds = train_arm(data, params.train, start)
            chosen = best_threshold(network, data)
        metrics = (*judge_common(network, common, chosen), *judge_tiles(network, chosen))
        print(f"| {name} | {' | '.join(metrics)} | {seconds:.0f} |", flush=True)


def changed(params: Params, changes: dict[str, Any]) -> Params:
    """Return params with some keys changed, validated as those of a user."""
    values = params.model_dump()
    for key, value in changes.items():
        *blocks, last = key.split(".")
        block = values
        for name in blocks:
            block = block[name]
        block[last] = value
    return Params.model_validate(values)


def _perfect(rng: np.random.Generator, unit: float) -> Camera:
    flaws = {"defocus": 0.0, "motion": None, "resample": 1.0, "gamma": 1.0, "black": 0.0}
    plain = {"shot": 0.00003, "read": 0.0015, "jpeg": None, "columns": False}
    return replace(choose_camera(rng, unit), **flaws, **plain)  # type: ignore[arg-type]  # fields of Camera


def draw_and_pack(params: Params, folder: Path, *, perfect: bool) -> Path:
    """Draw the set of an arm and pack its splits; with a perfect camera where asked."""
    numbers = range(params.generate.images)
    workers = settings().workers
    choose = _perfect if perfect else choose_camera
    job = partial(draw_encoded, params.generate, choose=choose)
    with SetWriter(folder / "synthetic", "synthetic", "synthetic") as writer:
        for encoded in ordered_map(job, numbers, workers):
            writer.add_encoded(encoded)
    split = params.preprocess.split
    pack_sets(
        [Part([read_set(folder / "synthetic")], folder / "packed")],
        Splitting({"val": split.val, "test": split.test}, params.preprocess.seed),
        Resizing("none"),
        workers=workers,
    )
    return folder / "packed"


def judge_common(network: nn.Module, common: PackedSet, chosen: int) -> tuple[str, str]:
    """Return pooled Dice on the test images of all arms, at the threshold and at 0.5."""
    pixels = sum(count_sets(network, common).values())
    curve = dice_curve(np.asarray(pixels))
    return f"{curve[chosen]:.3f} @ {chosen / BINS:.2f}", f"{curve[BINS // 2]:.3f}"


def judge_tiles(network: nn.Module, chosen: int) -> tuple[str, str, str]:
    """Return pooled Dice on the tiles, AUROC, share of defect-free tiles with a mark."""
    tiles = list(count_tiles(network))
    if not tiles:
        return ("", "", "")
    dice = dice_curve(np.sum([tile.pixels for tile in tiles], axis=0))[chosen]
    ranked = roc_auc_score([t.family != "free" for t in tiles], [t.score for t in tiles])
    marked = [tile.pixels[:, chosen:].any() for tile in tiles if tile.family == "free"]
    return f"{dice:.3f}", f"{ranked:.3f}", f"{np.mean(marked):.2f}"


if __name__ == "__main__":
    main()
