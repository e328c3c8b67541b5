"""``params.yaml``: what a user tunes, validated as a whole."""

from datetime import date
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from blemish.config.base import Block
from blemish.config.evaluate import Evaluate
from blemish.config.export import Export
from blemish.config.finetune import Finetune
from blemish.config.generate import Generate
from blemish.config.monitor import Monitor
from blemish.config.preprocess import Preprocess
from blemish.config.promote import Promote
from blemish.config.serve import Serve
from blemish.config.train import Train
from blemish.config.yaml_files import read_yaml
from blemish.errors import ParamsError


class Params(Block):
    """All of ``params.yaml``: a block for each stage, then what runs after them."""

    generate: Generate
    preprocess: Preprocess
    train: Train
    finetune: Finetune
    evaluate: Evaluate
    export: Export
    promote: Promote
    serve: Serve
    monitor: Monitor


def load_params(path: Path) -> Params:
    """Read and validate a ``params.yaml``.

    Args:
        path: The file.

    Raises:
        ParamsError: It is missing, is not valid YAML, or holds an unknown key or a value
            out of range; every such key is named with the value that came and what is accepted.
    """
    try:
        return Params.model_validate(read_yaml(path, ParamsError) or {})
    except FileNotFoundError as error:
        raise ParamsError(
            f"No {path.name} at {path.parent}. Restore it: git checkout -- {path.name}"
        ) from error
    except ValidationError as error:
        lines = "\n".join(f"  {_describe(fault)}" for fault in error.errors())
        raise ParamsError(f"{path} holds values that are not accepted:\n{lines}") from error


def _describe(fault: Any) -> str:
    """One line for one fault: key, value, what is accepted."""
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"{key}: unknown key{_accepted_keys(fault['loc'])}"
    if fault["type"] == "missing":
        return f"{key}: missing"
    came = fault["input"]
    if isinstance(came, date):
        return f'{key}: YAML reads {came} as a date; quote it: "{came}"'
    return f"{key}: got {came!r}; {fault['msg'][0].lower()}{fault['msg'][1:]}"


def _accepted_keys(location: tuple[int | str, ...]) -> str:
    """Say which keys the block around an unknown key accepts, where it is one of ours."""
    block: type[Block] = Params
    for part in location[:-1]:
        field = block.model_fields.get(str(part))
        kind = field.annotation if field else None
        if not (isinstance(kind, type) and issubclass(kind, Block)):
            return ""
        block = kind
    return f"; accepted here: {', '.join(block.model_fields)}"
