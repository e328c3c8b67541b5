"""The ``monitor`` block of ``params.yaml``."""

from typing import Annotated

from pydantic import Field

from blemish.config.base import Block, Count, Share

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]


class Keep(Block):
    """How long the prediction log remembers."""

    days: Positive = 90
    image_days: Positive = 14
    image_megabytes: Positive = 2_000


class Alarms(Block):
    """When the line needs a person."""

    window_minutes: Count = 15
    min_requests: Count = 20
    defect_rate: Share = 0.5
    error_rate: Share = 0.05
    latency_p95_ms: Positive = 250
    silent_minutes: Positive = 60


class Drift(Block):
    """When the images no longer look like those of training."""

    window: int = Field(default=200, ge=50, le=5_000)
    false_alarm_rate: float = Field(default=0.01, ge=1e-6, le=0.2)
    min_psi: float = Field(default=0.1, ge=0.0, le=10.0)


class Monitor(Block):
    """The log and what is watched in it; all has defaults: a server may run without a checkout."""

    keep: Keep = Keep()
    alarms: Alarms = Alarms()
    drift: Drift = Drift()
