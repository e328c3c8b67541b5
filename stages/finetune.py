"""Adapts the trained network to the user's own sets; without any, hands its weights on."""

import argparse
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from blemish.config import find_workspace, load_params, settings
from blemish.exits import sentences
from blemish.finetuning.handing_on import hand_on, nothing_to_adapt_to
from blemish.processes import die_with_dvc
from blemish.progress import TrainingProgress, track
from blemish.recording.fingerprint import compute, stage_inputs


def main() -> None:
    """Hand the weights on, or wire params, data, record and progress together."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--synthetic", "--real", "--trained", "--starts", "--out", "--curves", "--drawn"):
        parser.add_argument(name, type=Path, required=True)
    paths = parser.parse_args()
    workspace = find_workspace()
    tuning = load_params(workspace.params_file).finetune
    fingerprint = compute(workspace)
    if tuning.start is None and nothing_to_adapt_to(paths.real):
        hand_on(paths.trained, paths.out, paths.curves, paths.drawn, fingerprint=fingerprint)
        return
    _adapt(paths, fingerprint)


def _adapt(paths: argparse.Namespace, fingerprint: str) -> None:
    from blemish.finetuning.finetuning_outputs import Outputs  # noqa: PLC0415 - torch takes seconds to load
    from blemish.finetuning.finetuning_workflow import Data, finetune  # noqa: PLC0415 - as above
    from blemish.finetuning.starts import find_start  # noqa: PLC0415 - as above
    from blemish.recording.training_run import open_run  # noqa: PLC0415 - MLflow too
    from blemish.training import Listeners  # noqa: PLC0415 - as above
    from blemish.training.sharing import is_first_process  # noqa: PLC0415 - as above

    workspace = find_workspace()
    tuning = load_params(workspace.params_file).finetune
    identity = stage_inputs(workspace, "finetune")
    run = partial(
        finetune,
        Data(paths.synthetic, paths.real),
        find_start(paths.trained, paths.starts, tuning.start),
        Outputs(paths.out, paths.curves, paths.drawn),
        tuning,
        fingerprint=fingerprint,
        identity=identity,
        checkpoint=workspace.state / "checkpoints" / f"finetune-{identity}.pt",
        workers=settings().workers,
    )
    if not is_first_process():
        run(listener=Listeners(()))
        return
    with (
        open_run(workspace, fingerprint, stage="finetune") as record,
        TrainingProgress() as progress,
    ):
        run(listener=Listeners((progress, record)), fold_listener=progress.fold, track=_show)


def _show(items: Iterable[Any], total: int) -> Iterable[Any]:
    return track(items, total, "Drawing defects onto clean photographs")


if __name__ == "__main__":
    die_with_dvc()
    with sentences("finetune"):
        main()
