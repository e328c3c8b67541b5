"""The ``finetune`` block of ``params.yaml``."""

from typing import Annotated

from pydantic import Field

from blemish.config.base import Block, Count, Share
from blemish.config.drawing import Drawing
from blemish.config.learning import Augmentation, Learning

StartName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]


class Steps(Block):
    """How many optimizer steps fine-tuning takes: ``least + per_image * labelled images``."""

    least: Count
    per_image: float = Field(ge=0.0, le=1000.0)
    most: Count


class Finetune(Learning):
    """How the network adapts to the user's own sets."""

    start: StartName | None
    steps: Steps
    warmup: Share
    average: float = Field(gt=0.0, le=1.0)
    synthetic_share: Share
    transplant_share: Share
    leave_out_suspects: bool
    drawn_images: int = Field(ge=0, le=20_000)
    drawn_worth: float = Field(ge=0.0, le=1e6)
    drawing: Drawing
    augmentation: Augmentation
