"""What every block of ``params.yaml`` shares."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Weight = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]


class Block(BaseModel):
    """One block of ``params.yaml``: frozen, and without a key that nobody reads."""

    model_config = ConfigDict(extra="forbid", frozen=True)
