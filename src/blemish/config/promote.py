"""The ``promote`` block of ``params.yaml``."""

from pydantic import Field

from blemish.config.base import Block, Count, Share


class ComparisonBounds(Block):
    """When a candidate counts as not worse than the champion, set by set."""

    margin: float = Field(ge=0.0, le=0.5)
    trade_margin: float = Field(ge=0.0, le=0.5)
    synthetic_margin: float = Field(ge=0.0, le=1.0)
    false_alarms: Share
    confidence: float = Field(gt=0.5, lt=1.0)
    resamples: int = Field(ge=200, le=100_000)
    seed: int = Field(ge=0)
    groups: int = Field(ge=2)


class Floors(Block):
    """Least Dice of each labelled set, whatever the champion does."""

    per_set: Share
    per_class: Share
    images: Count
    exceptions: dict[str, Share]


class PromotionParity(Block):
    """How far a file may lie from what it was made from."""

    probability: float = Field(gt=0.0, le=0.1)
    dice: Share


class Promote(Block):
    """The bounds by which a version goes live."""

    comparison: ComparisonBounds
    floors: Floors
    parity: PromotionParity
    megabytes: float = Field(gt=0.0)
    latency_ratio: float = Field(ge=1.0, le=100.0)
    latency_rounds: int = Field(ge=3, le=1000)
