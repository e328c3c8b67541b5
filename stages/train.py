"""Trains the network on the packed synthetic splits; writes its weights and curves."""

import argparse
from functools import partial
from pathlib import Path

from blemish.config import find_workspace, load_params
from blemish.exits import sentences
from blemish.processes import die_with_dvc, is_first_process
from blemish.progress import TrainingProgress
from blemish.recording.fingerprint import stage_fingerprint, training_fingerprint
from blemish.recording.training_run import open_run
from blemish.training import Listeners, train


def main() -> None:
    """Wire params, data, run and progress together."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of packed splits")
    parser.add_argument("--out", type=Path, required=True, help="folder for weights.pt")
    parser.add_argument("--curves", type=Path, required=True, help="CSV of metrics by epoch")
    options = parser.parse_args()
    workspace = find_workspace()
    identity = stage_fingerprint(workspace, "train")
    learn = partial(
        train,
        options.data,
        options.out,
        options.curves,
        load_params(workspace.params_file).train,
        identity=identity,
        checkpoint=workspace.state / "checkpoints" / f"train-{identity}.pt",
    )
    if not is_first_process():
        learn(listener=Listeners(()))
        return
    fingerprint = training_fingerprint(workspace)
    with open_run(workspace, fingerprint) as run, TrainingProgress() as progress:
        learn(listener=Listeners((progress, run)))


if __name__ == "__main__":
    die_with_dvc()
    with sentences("train"):
        main()
