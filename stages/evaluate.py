"""Chooses the threshold on the validation split and measures on the test split."""

import argparse
from pathlib import Path

from blemish.config import load_params
from blemish.evaluation import SplitFolders, evaluate
from blemish.exits import sentences
from blemish.processes import die_with_dvc
from blemish.progress import track


def main() -> None:
    """Read paths and params, evaluate, say the result in one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--synthetic", "--real", "--weights", "--out", "--reports"):
        parser.add_argument(name, type=Path, required=True)
    paths = parser.parse_args()
    params = load_params(Path("params.yaml"))
    verdict = evaluate(
        SplitFolders(paths.synthetic, paths.real),
        paths.weights,
        paths.out,
        paths.reports,
        params.evaluate,
        drawing=params.finetune.drawing,
        track=track,
    )
    dice, chosen = verdict.metrics["test_dice"], verdict.choice.point
    print(f"Dice {dice:.4f} of {verdict.headline.sentence}")  # noqa: T201 - a stage's summary
    print(f"{chosen}, chosen on {verdict.basis}")  # noqa: T201 - as above
    print(verdict.choice.describe_alarms(params.evaluate.threshold.false_alarms))  # noqa: T201 - as above
    if "clean_marked_share" in verdict.metrics:
        share, bound = (verdict.metrics[f"clean_marked_{name}"] for name in ("share", "bound"))
        print(  # noqa: T201 - as above
            f"A mark on {share:.1%} of the defect-free test images of your sets; at most "
            f"{bound:.1%} with 95 % confidence"
        )


if __name__ == "__main__":
    die_with_dvc()
    with sentences("evaluate"):
        main()
