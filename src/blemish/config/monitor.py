"""The ``monitor`` block of ``params.yaml``."""

from typing import Annotated

from pydantic import Field

from blemish.config.base import Block, Count, Share

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]


class Keep(Block):
    """How long the prediction log remembers."""

    days: Positive
    picture_days: Positive
    picture_megabytes: Positive


class Alarms(Block):
    """When the line needs a person."""

    window_minutes: Count
    min_requests: Count
    defect_rate: Share
    error_rate: Share
    latency_p95_ms: Positive
    silent_minutes: Positive


class Drift(Block):
    """When the images no longer look like those of training."""

    window: int = Field(ge=50, le=5_000)
    false_alarm_rate: float = Field(ge=1e-6, le=0.2)
    min_psi: Annotated[float, Field(ge=0.0, le=10.0)]


class Monitor(Block):
    """The prediction log, and what is watched in it."""

    keep: Keep
    alarms: Alarms
    drift: Drift
