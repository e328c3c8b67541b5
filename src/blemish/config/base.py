"""What every block of ``params.yaml`` shares."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Weight = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]


class Block(BaseModel):
    """One block of ``params.yaml``: frozen, and without a key that nobody reads."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def check_contrast(contrast: tuple[float, float]) -> None:
    """Refuse contrasts that are no range.

    Args:
        contrast: Contrast of the faintest and the boldest line, in deviations of the noise.

    Raises:
        ValueError: They are not in order, or not within 0.1 to 100.
    """
    low, high = contrast
    if not 0.1 <= low <= high <= 100:
        raise ValueError(
            f"contrast: got [{low}, {high}]; accepted is [LOW, HIGH] with 0.1 <= LOW <= HIGH <= 100"
        )
