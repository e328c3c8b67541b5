"""A prediction: what a model says of one image, spelled once.

The body of ``/v1/predict``, its schema in the OpenAPI document, the files of ``blemish predict``
and the rows of the prediction log all come from :class:`Prediction`.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, TypeAdapter

from blemish.defects import LISTED_DEFECTS, Defect

Rendering = Literal["mask", "heatmap", "overlay"]
RENDERINGS: tuple[Rendering, ...] = get_args(Rendering)

Share = Annotated[float, Field(ge=0.0, le=1.0)]
_Rendered = Annotated[str | None, Field(exclude_if=lambda value: value is None)]
_DEFECTS = TypeAdapter(tuple[Defect, ...])


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


class ModelIdentity(_Part):
    """Which model answered."""

    name: str
    version: int | None
    """None for a file that is in no registry."""
    alias: str | None
    """The alias by which it was asked for, if any."""
    precision: str
    """``fp32`` or ``int8``."""
    fingerprint: str
    """SHA-256 over the inputs of its training."""
    git_commit: str | None


class ImageIdentity(_Part):
    """Which image it was."""

    width: int
    """In pixels, as stored."""
    height: int
    """In pixels, as stored."""
    sha256: str
    """SHA-256 of the encoded bytes."""


class Timing(_Part):
    """How long the phases took, in milliseconds."""

    decode: NonNegativeFloat
    infer: NonNegativeFloat
    post: NonNegativeFloat
    total: NonNegativeFloat


PHASES = tuple(Timing.model_fields)
"""The parts of a prediction that are timed."""


class Prediction(_Part):
    """All that is said of one image."""

    model: ModelIdentity
    image: ImageIdentity
    threshold: Share
    """The probability from which a pixel counts as defect."""
    defective: bool
    defect_area_fraction: Share
    """Share of the pixels that lie in defects."""
    defect_count: NonNegativeInt
    """Number of all defects; ``defects`` lists the 1,000 largest."""
    defects: tuple[Defect, ...] = Field(max_length=LISTED_DEFECTS)
    mask_png: _Rendered = None
    """The mask, 0 or 255, of the size of the image: a PNG in base64, when asked for."""
    heatmap_png: _Rendered = None
    """The probability map in colours: a PNG in base64, when asked for."""
    overlay_png: _Rendered = None
    """The image with its defects outlined: a PNG in base64, when asked for."""
    warnings: tuple[str, ...]
    """What is doubtful about the image as received, a sentence each."""
    timing_ms: Timing

    def to_json(self) -> bytes:
        """Return the body of ``/v1/predict``."""
        return self.model_dump_json().encode()

    def to_row(self) -> dict[str, Any]:
        """Return one flat row for a table, of plain values; without the renderings."""
        return {
            **self.model.model_dump(exclude={"name"}),
            "width": self.image.width,
            "height": self.image.height,
            "image_sha256": self.image.sha256,
            "threshold": self.threshold,
            "defective": self.defective,
            "defect_area_fraction": self.defect_area_fraction,
            "defect_count": self.defect_count,
            "defects": _DEFECTS.dump_json(self.defects).decode(),
            "warnings": json.dumps(self.warnings),
            **{f"{phase}_ms": getattr(self.timing_ms, phase) for phase in PHASES},
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any], name: str = "blemish") -> Self:
        """Return the prediction that a row of a table holds.

        Args:
            row: As :meth:`to_row` gave it; more columns are ignored.
            name: Name of the registered model.

        Raises:
            pydantic.ValidationError: A value is missing or not accepted.
        """
        model = {key: row[key] for key in ModelIdentity.model_fields if key != "name"}
        image = {"width": row["width"], "height": row["height"], "sha256": row["image_sha256"]}
        shared = ("threshold", "defective", "defect_area_fraction", "defect_count")
        return cls(
            model=ModelIdentity(name=name, **model),
            image=ImageIdentity(**image),
            **{key: row[key] for key in shared},
            defects=_DEFECTS.validate_json(row["defects"]),
            warnings=tuple(json.loads(row["warnings"])),
            timing_ms=Timing(**{phase: row[f"{phase}_ms"] for phase in PHASES}),
        )
