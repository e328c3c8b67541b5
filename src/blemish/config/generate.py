"""The ``generate`` block of ``params.yaml``."""

from pydantic import Field

from blemish.config.base import Block, Count, Share


class Generate(Block):
    """What the synthetic set looks like."""

    seed: int = Field(ge=0)
    images: Count
    size: int = Field(ge=64, le=4096)
    clean_share: Share
