"""The ``train`` block of ``params.yaml``."""

from typing import Annotated, Literal

from pydantic import Field

from blemish.config.base import Block, Count, Share, Weight

Rate = Annotated[float, Field(gt=0.0, le=1.0)]
Range = tuple[float, float]


class Network(Block):
    """The shape of ``UNetTiny``."""

    width: int = Field(ge=4, le=64)


class Loss(Block):
    """Focal cross-entropy plus a Tversky loss pooled over the batch."""

    focal_weight: Weight
    focal_gamma: float = Field(ge=0.0, le=5.0)
    tversky_weight: Weight
    false_positive_cost: float = Field(gt=0.0, le=2.0)
    false_negative_cost: float = Field(gt=0.0, le=2.0)
    scale_weight: Weight


class Augmentation(Block):
    """What is done to a crop; each share is the probability of one change."""

    sets: dict[str, Share] = Field(default_factory=dict)
    warp: Share
    zoom: Annotated[Range, Field(description="smallest and largest magnification")]
    tone: Share
    invert: Share
    shade: Share
    blur: Share
    noise: Share
    jpeg: Share


class Finetune(Block):
    """A second phase, from the weights of the first, on another mixture of sets."""

    epochs: int = Field(ge=0)
    learning_rate: Rate
    mixture: dict[str, Weight]


class Train(Block):
    """How the network is trained."""

    seed: int = Field(ge=0)
    device: Literal["cpu", "cuda"]
    precision: Literal["float32", "bfloat16"]
    threads: int = Field(ge=1, le=64)
    network: Network
    epochs: Count
    crops: Count
    batch: Count
    crop: int = Field(ge=32, le=1024, multiple_of=32)
    defect_share: Share
    mixture: dict[str, Weight]
    learning_rate: Rate
    warmup_epochs: float = Field(ge=0.0)
    weight_decay: float = Field(ge=0.0, le=1.0)
    clip_norm: float = Field(gt=0.0)
    ema_decay: float = Field(ge=0.0, lt=1.0)
    patience: Count
    loss: Loss
    augmentation: Augmentation
    finetune: Finetune
