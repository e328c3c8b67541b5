"""The ``evaluate`` block of ``params.yaml``."""

from pydantic import Field

from blemish.config.base import Block, Count, Share


class ThresholdRule(Block):
    """How the threshold is chosen on the validation split."""

    false_alarms: Share
    price: Share
    plateau: float = Field(ge=0.0, le=0.2)


class Bootstrap(Block):
    """Resampling of groups for the 95 % intervals."""

    resamples: int = Field(ge=100, le=100_000)
    seed: int = Field(ge=0)


class Gallery(Block):
    """Which images ``dvc plots`` shows."""

    worst: int = Field(ge=0, le=200)
    per_class: int = Field(ge=0, le=20)


class Evaluate(Block):
    """What is measured on the test split, and what is kept of it."""

    threads: int = Field(ge=1, le=256)
    threshold: ThresholdRule
    boundary_tolerance: float = Field(ge=0.0, le=50.0)
    object_overlap: float = Field(gt=0.0, le=1.0)
    bootstrap: Bootstrap
    stored_megabytes: Count
    gallery: Gallery
