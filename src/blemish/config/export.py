"""The ``export`` block of ``params.yaml``."""

from pydantic import Field

from blemish.config.base import Block, Count, Share


class Quantization(Block):
    """The search for the INT8 model; its metrics are accuracy alone, never time."""

    calibration_images: Count
    search_images: Count
    room: Share


class Parity(Block):
    """How far an exported model may lie from its source."""

    probability: float = Field(gt=0.0, le=0.1)
    dice_change: float = Field(gt=0.0, le=0.1)
    probability_mean: float = Field(gt=0.0, le=0.1)
    flipped: float = Field(gt=0.0, le=1.0)
    flipped_edge_case: float = Field(gt=0.0, le=1.0)


class Export(Block):
    """How ONNX files are made and what they must fulfil."""

    threads: int = Field(ge=1, le=256)
    quantization: Quantization
    parity: Parity
