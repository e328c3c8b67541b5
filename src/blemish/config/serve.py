"""The ``serve`` block of ``params.yaml``."""

from pydantic import Field

from blemish.config.base import Block, Count, Share


class Serve(Block):
    """How the API answers; every key has a default, since a server may run without a checkout."""

    megabytes: int = Field(default=32, ge=1, le=1024)
    megapixels: int = Field(default=50, ge=1, le=89)  # Pillow warns of bombs beyond 89
    side: int = Field(default=16_384, ge=1, le=32_766)  # OpenCV's own limit
    parallel: int = Field(default=0, ge=0, le=256)
    inference_threads: int = Field(default=1, ge=1, le=256)
    queue: int = Field(default=64, ge=0, le=10_000)
    deadline_s: float = Field(default=30.0, gt=0.0, le=3600.0)
    body_s: float = Field(default=20.0, gt=0.0, le=3600.0)
    drain_s: float = Field(default=2.0, ge=0.0, le=60.0)
    models: Count = 3
    poll_s: float = Field(default=1.0, ge=0.1, le=4.0)
    faults: Count = 3
    shadow_share: Share = 0.1
    requests_per_minute: int = Field(default=0, ge=0)
