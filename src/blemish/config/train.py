"""The ``train`` block of ``params.yaml``."""

from pydantic import Field

from blemish.config.base import Block, Count
from blemish.config.learning import Learning


class Network(Block):
    """The shape of ``UNetTiny``."""

    width: int = Field(ge=4, le=64)


class Train(Learning):
    """How the network learns from synthetic images."""

    network: Network
    epochs: Count
    crops: Count
    warmup_epochs: float = Field(ge=0.0)
    ema_decay: float = Field(ge=0.0, lt=1.0)
    patience: Count
