"""Adapts the trained network to the user's own sets; without any, hands its weights on."""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from blemish.config import Workspace, find_workspace, load_params, settings
from blemish.config.finetune import Finetune
from blemish.exits import sentences
from blemish.finetuning.handing_on import describe_trained, hand_on, nothing_to_adapt_to
from blemish.finetuning.start_files import Start, find_start
from blemish.processes import die_with_dvc, is_first_process
from blemish.progress import TrainingProgress, track
from blemish.recording.fingerprint import stage_fingerprint, training_fingerprint


def main() -> None:
    """Hand the weights on, or adapt them."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--synthetic", "--real", "--trained", "--starts", "--out", "--curves", "--drawn"):
        parser.add_argument(name, type=Path, required=True)
    paths = parser.parse_args()
    workspace = find_workspace()
    tuning = load_params(workspace.params_file).finetune
    start = find_start(paths.trained, paths.starts, tuning.start)
    if not nothing_to_adapt_to(paths.real):
        _adapt(workspace, tuning, paths, start)
    elif is_first_process():
        hand_on(
            *(start.path, _describe(start, paths.trained), paths.out, paths.curves, paths.drawn),
            fingerprint=training_fingerprint(workspace),
        )


def _describe(start: Start, trained: Path) -> dict[str, Any]:
    """Describe the network whose weights are handed on."""
    if start.name is None:
        return describe_trained(trained)
    from blemish.finetuning.starts import describe_start  # noqa: PLC0415 - torch is slow

    return describe_start(start)


def _adapt(workspace: Workspace, tuning: Finetune, paths: argparse.Namespace, start: Start) -> None:
    """Wire params, data, run and progress together."""
    from blemish.finetuning.finetuning_outputs import Outputs  # noqa: PLC0415 - torch is slow
    from blemish.finetuning.finetuning_workflow import Data, finetune  # noqa: PLC0415 - as above
    from blemish.recording.training_run import open_run  # noqa: PLC0415 - MLflow too
    from blemish.training import Listeners  # noqa: PLC0415 - as above

    fingerprint = training_fingerprint(workspace)
    identity = stage_fingerprint(workspace, "finetune")
    adapt = partial(
        finetune,
        Data(paths.synthetic, paths.real),
        start,
        Outputs(paths.out, paths.curves, paths.drawn),
        tuning,
        fingerprint=fingerprint,
        identity=identity,
        checkpoint=workspace.state / "checkpoints" / f"finetune-{identity}.pt",
        workers=settings().workers,
    )
    if not is_first_process():
        adapt(listener=Listeners(()))
        return
    with open_run(workspace, fingerprint, stage="finetune") as run, TrainingProgress() as progress:
        adapt(
            listener=Listeners((progress, run)),
            fold_listener=progress.fold,
            track=partial(track, what="Drawing defects onto clean photographs"),
        )


if __name__ == "__main__":
    die_with_dvc()
    with sentences("finetune"):
        main()
