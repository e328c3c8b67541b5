"""A fine-tuning small enough to run in seconds, in this process or in one that can be killed.

    python tests/tiny_finetuning.py FOLDER [KEY=JSON ...]

adapts ``FOLDER/start.pt`` to ``FOLDER/real`` with ``FOLDER/synthetic`` beside it, and writes
``FOLDER/out``, ``FOLDER/curves.csv`` and, meanwhile, ``FOLDER/state/tiny.pt``.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from small_world import write_split
from tiny_training import Notes, tiny_params

from blemish.config import load_params
from blemish.config.finetune import Finetune
from blemish.finetuning.finetuning_outputs import Outputs
from blemish.finetuning.finetuning_workflow import Data, finetune
from blemish.finetuning.start_files import Start
from blemish.model import UNetTiny

DRAWING = load_params(Path(__file__).parents[1] / "params.yaml").finetune.drawing


def tiny_finetune(**changes: Any) -> Finetune:
    """Return params of a fine-tuning of seconds; ``changes`` replace whole keys."""
    shared = tiny_params().model_dump()
    values = {name: shared[name] for name in Finetune.model_fields if name in shared} | {
        "start": None,
        "steps": {"least": 80, "per_image": 0.0, "most": 80},
        "warmup": 0.05,
        "average": 0.2,
        "synthetic_share": 0.25,
        "transplant_share": 0.3,
        "leave_out_suspects": True,
        "drawn_images": 0,
        "drawn_worth": 10.0,
        "drawing": DRAWING.model_dump(),
        "augmentation": {
            "turn": 0.5,
            "warp": 0.5,
            "zoom": [0.7, 1.5],
            "tone": 0.5,
            "invert": 0.1,
            "shade": 0.3,
            "blur": 0.2,
            "noise": 0.3,
            "jpeg": 0.2,
        },
    }
    return Finetune.model_validate({**values, **changes})


def prepare(folder: Path) -> Path:
    """Write synthetic and real splits, and a fresh network to start from."""
    for seed, (name, split, count) in enumerate(
        [
            ("synthetic", "train", 8),
            ("synthetic", "val", 4),
            ("real", "train", 8),
            ("real", "val", 4),
        ]
    ):
        write_split(folder / name, split, count, seed)
    torch.manual_seed(0)
    torch.save(UNetTiny(4).state_dict(), folder / "start.pt")
    return folder


def run(folder: Path, params: Finetune) -> Notes:
    """Fine-tune in this process."""
    notes = Notes()
    finetune(
        Data(folder / "synthetic", folder / "real"),
        Start(folder / "start.pt"),
        Outputs(folder / "out", folder / "curves.csv", folder / "drawn"),
        params,
        fingerprint="f" * 64,
        identity="finetune-" + "a" * 64,
        checkpoint=folder / "state" / "tiny.pt",
        listener=notes,
        fold_listener=notes.fold,
    )
    if notes.epochs:
        text = json.dumps([epoch.train_loss for epoch in notes.epochs])
        (folder / "losses.json").write_text(text, encoding="utf-8")
    return notes


if __name__ == "__main__":
    pairs = [argument.partition("=") for argument in sys.argv[2:]]
    run(Path(sys.argv[1]), tiny_finetune(**{key: json.loads(value) for key, _, value in pairs}))
