"""The ``preprocess`` block of ``params.yaml``."""

from typing import Literal

from pydantic import Field

from blemish.config.base import Block, Share


class Scale(Block):
    """Resize by one factor."""

    scale: float = Field(gt=0.0, le=4.0)


Resize = Literal["none", "fit"] | Scale


class Split(Block):
    """Shares of the groups of each set; what is left of 1 is train."""

    val: Share
    test: Share


class Preprocess(Block):
    """Which sets, at which scale, split how."""

    seed: int = Field(ge=0)
    resize: Resize
    real_sets: tuple[str, ...]
    split: Split
