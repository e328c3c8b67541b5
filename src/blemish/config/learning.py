"""What the blocks ``train`` and ``finetune`` of ``params.yaml`` share."""

from typing import Annotated, Literal

from pydantic import Field

from blemish.config.base import Block, Count, Share, Weight

Rate = Annotated[float, Field(gt=0.0, le=1.0)]
Range = tuple[float, float]


class Loss(Block):
    """Focal cross-entropy plus a Tversky loss pooled over the batch."""

    focal_weight: Weight
    focal_gamma: float = Field(ge=0.0, le=5.0)
    tversky_weight: Weight
    false_positive_cost: float = Field(gt=0.0, le=2.0)
    false_negative_cost: float = Field(gt=0.0, le=2.0)
    scale_weight: Weight


class Augmentation(Block):
    """What is done to a crop beside mirroring; each share is the probability of one change."""

    turn: Share
    warp: Share
    zoom: Annotated[Range, Field(description="smallest and largest magnification")]
    tone: Share
    invert: Share
    shade: Share
    blur: Share
    noise: Share
    jpeg: Share


class Learning(Block):
    """How the weights of a network move, whatever they learn from."""

    seed: int = Field(ge=0)
    device: Literal["cpu", "cuda"]
    precision: Literal["auto", "float32", "bfloat16"]
    threads: int = Field(ge=1, le=64)
    batch: Count
    crop: int = Field(ge=32, le=1024, multiple_of=32)
    defect_share: Share
    learning_rate: Rate
    weight_decay: float = Field(ge=0.0, le=1.0)
    clip_norm: float = Field(gt=0.0)
    loss: Loss
