"""The ``preprocess`` block of ``params.yaml``."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from blemish.config.base import Block


class Scale(Block):
    """Resize by one factor."""

    scale: float = Field(gt=0.0, le=4.0)


Resize = Literal["none", "fit"] | Scale


def _check_set_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise ValueError(f"{name!r} is no name of a folder under data/real")
    return name


SetName = Annotated[str, AfterValidator(_check_set_name)]


class Split(Block):
    """Shares of the groups of each set; what is left of 1 is train."""

    val: float = Field(gt=0.0, lt=1.0)
    test: float = Field(gt=0.0, lt=1.0)
    hold_out: str | None = Field(default=None, pattern=r"^[^=]+=[^=]+$")

    @model_validator(mode="after")
    def _leave_some_to_train(self) -> Self:
        if self.val + self.test >= 1.0:
            raise ValueError(f"val {self.val} + test {self.test} must stay below 1")
        return self


class Preprocess(Block):
    """Which sets, at which scale, split how."""

    seed: int = Field(ge=0)
    resize: Resize
    real_sets: tuple[SetName, ...]
    split: Split

    @model_validator(mode="after")
    def _name_each_set_once(self) -> Self:
        twice = sorted({name for name in self.real_sets if self.real_sets.count(name) > 1})
        if twice:
            raise ValueError(f"real_sets names {', '.join(twice)} twice")
        return self
