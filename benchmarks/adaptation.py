"""What a number of labelled photographs makes of the network, on sets that it has never seen.

    BLEMISH_REAL_DATA=FOLDER python benchmarks/adaptation.py [--sets NAME ...] [--seeds 1 2 3]
        [--levels 0 clean 5 20 50 100 all] [--start trained|fresh|FILE] [--keep]

Each folder of BLEMISH_REAL_DATA whose layout ``blemish import`` recognises is a set; a
``groups.csv`` in it keeps photographs of one part together. From the root of a checkout whose
pipeline has run: ``models/trained`` is where fine-tuning starts, its params are those of
``params.yaml``, and ``data/processed/synthetic`` stays in the mixture.

For each seed 40 % of the groups test. From the others N labelled photographs are taken, every
class in turn, with all their defect-free ones; ``0`` is the network as it is, ``clean`` the
defect-free photographs alone. Of both, the share of ``preprocess.split.val`` validates, and the
operating point is chosen as ``evaluate`` does. "At best" is Dice at the best threshold of the test
photographs themselves: what lies between the two columns is lost by the choice. With ``--keep``
each row goes into ``adaptation.csv`` as soon as it is measured; ``adaptation_rows.py`` shows them.
"""

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from adaptation_rows import KEYS, Row, as_table, keep_row
from torch import nn

from blemish.config import find_workspace, load_params, settings
from blemish.config.params import Params
from blemish.errors import BlemishError
from blemish.evaluation import SplitFolders
from blemish.evaluation.choice import THRESHOLDS
from blemish.evaluation.evaluation_workflow import choose_operating_point, judge_split
from blemish.evaluation.fast_network import load_fast, probability_of
from blemish.evaluation.summary import by_defect, class_of, summarize
from blemish.files import sha256_bytes
from blemish.finetuning.finetuning_outputs import Outputs
from blemish.finetuning.finetuning_workflow import Data, finetune
from blemish.finetuning.start_files import Start
from blemish.importing.choices import Choices
from blemish.importing.import_plan import Source
from blemish.importing.importer import import_source
from blemish.model import UNetTiny
from blemish.packed import SPLITS, JoinedSet, PackedSet, PackedWriter, pack_image
from blemish.packing.packer import Part, pack_sets
from blemish.packing.splits import Sample, Splitting, assign_splits
from blemish.preprocessing import Resizing
from blemish.training import Listeners

TEST = 0.4
"""Share of the groups that test."""
LEVELS = ("0", "clean", "5", "20", "50", "100", "all")


@dataclass(frozen=True)
class Dealt:
    """The photographs of a set, dealt out for one seed and level."""

    train: JoinedSet
    val: JoinedSet
    test: JoinedSet


def main() -> None:
    """Measure every set, level and seed, and print a table."""
    options = _options()
    workspace = find_workspace()
    params = load_params(workspace.params_file)
    if options.threads:
        tuning = params.finetune.model_copy(update={"threads": options.threads})
        params = params.model_copy(update={"finetune": tuning})
    torch.set_num_threads(params.finetune.threads)
    root = settings().real_data
    if root is None:
        raise SystemExit("BLEMISH_REAL_DATA is not set; name the folder that holds real sets.")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted(p for p in root.iterdir() if p.is_dir()):
            if options.sets and path.name not in options.sets:
                continue
            try:
                images = _pack_whole(path, Path(folder) / path.name)
            except BlemishError as error:
                print(f"{path.name}: left out, {str(error).splitlines()[0]}", flush=True)
                continue
            for level in options.levels:
                for seed in options.seeds:
                    dealt = deal(images, path.name, level, seed, params.preprocess.split.val)
                    if dealt is None:
                        continue
                    place = {"set": path.name, "start": options.start, "level": level, "seed": seed}
                    rows.append(place | measure(dealt, level, seed, options.start, params))
                    print(json.dumps(rows[-1]), flush=True)
                    if options.keep:
                        keep_row(rows[-1])
    print(as_table(rows))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sets", nargs="*", default=[])
    parser.add_argument("--levels", nargs="+", default=list(LEVELS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--start", default="trained", help="trained, fresh, or a file of weights")
    parser.add_argument("--threads", type=int, help="instead of finetune.threads")
    parser.add_argument("--keep", action="store_true", help="write the rows to adaptation.csv")
    return parser.parse_args()


def _pack_whole(source: Path, folder: Path) -> JoinedSet:
    """Import a set and pack it; which split a photograph is in means nothing yet."""
    choices = Choices(soft_masks=True, empty_masks="free", unmasked_free=True)
    plan = Source(source, "real", choices=choices, join_duplicates=True)
    imported, _ = import_source(plan, folder / "real", workers=settings().workers)
    part = Part([imported], folder / "packed")
    shares = Splitting({"val": 0.1, "test": 0.1}, seed=0)
    pack_sets([part], shares, Resizing("none"), workers=settings().workers)
    return JoinedSet.of(*(PackedSet.open(folder / "packed", split) for split in SPLITS))


def deal(
    images: JoinedSet, name: str, level: str, seed: int, validates: float = 0.07
) -> Dealt | None:
    """Deal the photographs of a set out; None where there are fewer labelled ones than asked."""
    annotations = [images.annotation(i) for i in range(len(images))]
    samples = [Sample(r.group, frozenset(d.class_name for d in r.defects)) for r in annotations]
    assigned = assign_splits(name, samples, {"train": 1 - TEST, "test": TEST}, seed)
    test = [i for i, r in enumerate(annotations) if assigned[r.group] == "test"]
    pool = [i for i, r in enumerate(annotations) if assigned[r.group] != "test"]
    labelled = _by_turns(images, [i for i in pool if annotations[i].defects], seed)
    free = _shuffled(images, [i for i in pool if not annotations[i].defects], seed)
    if level.isdigit():
        if int(level) > len(labelled) or (level == "0" and not test):
            return None
        labelled = labelled[: int(level)]
    elif level == "clean":
        labelled = []
    if level == "0":
        return Dealt(images.some([]), images.some([]), images.some(test))
    if not labelled and not free:
        return None
    shown, clean = round(validates * len(labelled)), round(validates * len(free))
    val = [*labelled[:shown], *free[:clean]]
    groups = {annotations[i].group for i in val}
    train = [i for i in (*labelled[shown:], *free[clean:]) if annotations[i].group not in groups]
    return Dealt(images.some(train), images.some(val), images.some(test))


def _shuffled(images: JoinedSet, indices: Iterable[int], seed: int) -> list[int]:
    def place(index: int) -> str:
        annotation = images.annotation(index)
        return sha256_bytes(f"{seed}\0{annotation.group}\0{annotation.image_id}".encode())

    return sorted(indices, key=place)


def _by_turns(images: JoinedSet, indices: Sequence[int], seed: int) -> list[int]:
    """Order labelled photographs so that the classes take turns."""
    classes: dict[str, list[int]] = defaultdict(list)
    for index in _shuffled(images, indices, seed):
        classes[images.annotation(index).defects[0].class_name].append(index)
    ordered: list[int] = []
    while any(classes.values()):
        ordered += [classes[name].pop(0) for name in sorted(classes) if classes[name]]
    return ordered


def measure(dealt: Dealt, level: str, seed: int, start: str, params: Params) -> Row:
    """Fine-tune, choose the operating point, and return the metrics of the test photographs."""
    workspace = find_workspace()
    trained, synthetic = workspace.path("trained"), workspace.path("synthetic_splits")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for split in ("train", "val"):
            _write(folder / "real", split, getattr(dealt, split))
        began = time.monotonic()
        if level != "0":
            trained = _tune(folder, synthetic, _start(folder, start, trained, seed), seed, params)
        minutes = (time.monotonic() - began) / 60
        network = load_fast(trained)
        choice, _ = choose_operating_point(
            *(network, SplitFolders(synthetic, folder / "real"), trained, params.evaluate),
            drawing=params.finetune.drawing,
            track=_silently,
        )
        results = list(
            judge_split(
                *(network, dealt.test, choice.point, params.evaluate), track=_silently, what=""
            )
        )
        best = _best_dice(network, dealt.test)
    summary = summarize(results, params.evaluate.bootstrap)
    classes = by_defect(results, class_of, params.evaluate.bootstrap)
    return {
        **{key: summary[key]["value"] for key in KEYS if key in summary},
        "best_dice": best,
        "classes": {name: round(found["dice"], 3) for name, found in classes.items()},
        "threshold": choice.threshold,
        "peak": round(choice.peak, 4),
        "minutes": round(minutes, 2),
        "trains": len(dealt.train),
        "validates": len(dealt.val),
        "tests": len(results),
    }


def _best_dice(network: nn.Module, images: JoinedSet) -> float:
    """Return pooled Dice at the best threshold of the images themselves, without a peak."""
    counts = np.zeros((len(THRESHOLDS), 3), np.int64)
    for index in range(len(images)):
        probability, truth = probability_of(network, images.image(index)), images.mask(index)
        for row, threshold in enumerate(THRESHOLDS):
            mask = probability >= np.float32(threshold)
            counts[row] += (np.count_nonzero(mask & truth), mask.sum(), truth.sum())
    hit, predicted, actual = counts.T
    return float((2 * hit / np.maximum(predicted + actual, 1)).max())


def _tune(folder: Path, synthetic: Path, start: Start, seed: int, params: Params) -> Path:
    finetune(
        Data(synthetic, folder / "real"),
        start,
        Outputs(folder / "tuned", folder / "curves.csv", folder / "drawn"),
        params.finetune.model_copy(update={"seed": seed}),
        fingerprint="",
        identity="",
        checkpoint=folder / "state.pt",
        listener=Listeners(()),
        workers=settings().workers,
    )
    return folder / "tuned"


def _start(folder: Path, start: str, trained: Path, seed: int) -> Start:
    if start == "trained":
        return Start(trained / "weights.pt")
    if start != "fresh":
        return Start(Path(start))
    torch.manual_seed(seed)
    torch.save(UNetTiny().state_dict(), folder / "fresh.pt")
    return Start(folder / "fresh.pt")


def _write(folder: Path, split: str, images: JoinedSet) -> None:
    with PackedWriter(folder, split) as writer:
        for i in range(len(images)):
            packed, own = images.entries[i]
            region = packed.region(own)
            writer.add(
                pack_image(packed.annotation(own), packed.image(own), packed.instances(own), region)
            )


def _silently(numbers: Iterable[int], _total: int, _what: str) -> Iterable[int]:
    return numbers


if __name__ == "__main__":
    main()
