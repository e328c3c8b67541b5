"""What is drawn onto clean photographs: the ``drawing`` block of ``finetune``."""

from typing import Self

from pydantic import Field, model_validator

from blemish.config.base import Block, Weight, check_contrast
from blemish.config.generate import DefectWeights


class DrawnWeights(DefectWeights):
    """How often each defect is drawn onto a photograph, relative to the others."""

    foreign_finish: Weight


class Drawing(Block):
    """Defects drawn onto photographs.

    Attributes:
        defects_per_image: Mean number of events on a photograph, at least 1.
        contrast: Faintest and boldest line, in deviations of the noise around it.
        defects: Weight of each defect; ``foreign_finish`` is the finish of another photograph.
    """

    defects_per_image: float = Field(ge=1.0, le=20.0)
    contrast: tuple[float, float]
    defects: DrawnWeights

    @model_validator(mode="after")
    def _contrast_is_a_range(self) -> Self:
        check_contrast(self.contrast)
        return self
