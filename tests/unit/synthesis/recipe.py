"""The generate block of params.yaml, with changes."""

from pathlib import Path

import yaml

from blemish.config.generate import Generate

ROOT = Path(__file__).resolve().parents[3]


def recipe(**changes: object) -> Generate:
    """Return the block as it is shipped, with other values for some of its keys."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    return Generate.model_validate(yaml.safe_load(text)["generate"] | changes)
