"""Train the network on the packed splits and write its weights and curves."""

import argparse
from functools import partial
from pathlib import Path

from blemish.config import find_workspace, load_params
from blemish.exits import sentences
from blemish.processes import die_with_dvc
from blemish.progress import TrainingProgress
from blemish.recording.fingerprint import compute, stage_inputs
from blemish.recording.training_run import open_run
from blemish.training import Listeners, train
from blemish.training.sharing import is_first_process


def main() -> None:
    """Wire params, data, record and progress together."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of packed splits")
    parser.add_argument("--out", type=Path, required=True, help="folder for weights.pt")
    parser.add_argument("--curves", type=Path, required=True, help="CSV of metrics by epoch")
    options = parser.parse_args()
    workspace = find_workspace()
    identity = stage_inputs(workspace, "train")
    run = partial(
        train,
        options.data,
        options.out,
        options.curves,
        load_params(workspace.params_file).train,
        identity=identity,
        checkpoint=workspace.state / "checkpoints" / f"train-{identity}.pt",
    )
    if not is_first_process():
        run(listener=Listeners(()))
        return
    with open_run(workspace, compute(workspace)) as record, TrainingProgress() as progress:
        run(listener=Listeners((progress, record)))


if __name__ == "__main__":
    die_with_dvc()
    with sentences("train"):
        main()
