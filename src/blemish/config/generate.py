"""The ``generate`` block of ``params.yaml``."""

from typing import Self

from pydantic import Field, model_validator

from blemish.config.base import Block, Count, Share, Weight, check_contrast


class _Weights(Block):
    """Names with weights, not all of them 0."""

    @model_validator(mode="after")
    def _something_is_left(self) -> Self:
        if not any(self.model_dump().values()):
            raise ValueError("all weights are 0; give at least one a weight above 0")
        return self


class SurfaceWeights(_Weights):
    """How often each surface is drawn, relative to the others."""

    rolled: Weight
    ground: Weight
    milled: Weight
    turned: Weight
    cast: Weight
    blasted: Weight
    oxidised: Weight
    painted: Weight


class DefectWeights(_Weights):
    """How often each defect is drawn, relative to the others."""

    scratch: Weight
    crack: Weight
    pit: Weight
    blowhole: Weight
    inclusion: Weight
    patch: Weight
    scale: Weight
    dent: Weight
    chip: Weight
    fray: Weight
    uneven: Weight
    corrosion: Weight


class Generate(Block):
    """What the synthetic set looks like."""

    seed: int = Field(ge=0)
    images: Count
    size: int = Field(ge=64, le=4096)
    clean_share: Share
    defects_per_image: float = Field(ge=1.0, le=20.0)
    distractors: float = Field(ge=0.0, le=20.0)
    contrast: tuple[float, float]
    surfaces: SurfaceWeights
    defects: DefectWeights

    @model_validator(mode="after")
    def _contrast_is_a_range(self) -> Self:
        check_contrast(self.contrast)
        return self
