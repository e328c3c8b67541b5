"""Checks, prepares, splits and packs the synthetic set and the chosen real ones."""

import argparse
import sys
from functools import partial
from pathlib import Path

from blemish.config import load_params, settings
from blemish.exits import sentences
from blemish.packing.packer import Part, pack_sets
from blemish.packing.splits import Splitting
from blemish.preprocessing import Resizing
from blemish.processes import die_with_dvc
from blemish.progress import track
from blemish.sets import read_sets


def main() -> None:
    """Read the sets named by the arguments and ``params.yaml``, write the packed splits of both."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--synthetic", "--real", "--synthetic-out", "--real-out"):
        parser.add_argument(name, type=Path, required=True)
    paths = parser.parse_args()
    params = load_params(Path("params.yaml"))
    folders = [paths.synthetic, *(paths.real / name for name in params.preprocess.real_sets)]
    synthetic, *real = read_sets(folders)
    split = params.preprocess.split
    described = pack_sets(
        [Part([synthetic], paths.synthetic_out), Part(real, paths.real_out)],
        Splitting({"val": split.val, "test": split.test}, params.preprocess.seed, split.hold_out),
        Resizing(params.preprocess.resize),
        workers=settings().workers,
        track=partial(track, what="Checking and packing images"),
    )
    for note in (note for one in described for note in one["notes"]):
        print(note, file=sys.stderr)  # noqa: T201 - what the sets lack, and what it costs


if __name__ == "__main__":
    die_with_dvc()
    with sentences("preprocess"):
        main()
