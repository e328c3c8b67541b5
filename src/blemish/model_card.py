"""What a model file says of itself, in the metadata of ONNX: written and read in one place."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from blemish.errors import ModelFileError, ParamsError
from blemish.files import canonical_json
from blemish.operating_point import OperatingPoint
from blemish.preprocessing import Resizing

MODEL_FORMAT = "1"
_PREFIX = "blemish."
_CLASSES = 1000
_CLASS_LENGTH = 200
_STATISTICS_LENGTH = 1 << 20


@dataclass(frozen=True)
class ModelCard:
    """What a model file says of itself."""

    fingerprint: str
    precision: str
    point: OperatingPoint
    """Which pixels count as defect."""
    stride: int
    tile: int
    """Side of the only shape that it is run at, pixels."""
    resizing: Resizing
    classes: tuple[str, ...]
    statistics: Mapping[str, Any] = field(repr=False)
    """Of the training set, for drift."""

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> Self:
        """Parse the ``metadata_props`` of a model file.

        Raises:
            ModelFileError: A key is missing or its value is not accepted.
        """
        if (found := metadata.get(_PREFIX + "format")) != MODEL_FORMAT:
            raise ModelFileError(
                f"The model file has format {found!r}; accepted: {MODEL_FORMAT!r}. "
                "Export it again: dvc repro export"
            )
        try:
            tile = int(metadata[_PREFIX + "tile"])
            card = cls(
                fingerprint=metadata[_PREFIX + "fingerprint"],
                precision=metadata[_PREFIX + "precision"],
                point=_read_point(metadata),
                stride=int(metadata[_PREFIX + "stride"]),
                tile=tile,
                resizing=Resizing.from_json(metadata[_PREFIX + "resize"], tile),
                classes=_read_classes(metadata[_PREFIX + "classes"]),
                statistics=_read_statistics(metadata[_PREFIX + "statistics"]),
            )
        except (KeyError, ValueError, TypeError, RecursionError, ParamsError) as error:
            raise ModelFileError(
                f"The metadata of the model file cannot be used: {str(error)[:200]}. "
                "Export it again: dvc repro export"
            ) from error
        card._check_ranges()
        return card

    def to_metadata(self) -> dict[str, str]:
        """Return the ``metadata_props`` of a model file; :meth:`from_metadata` reads them back."""
        entries = {
            "format": MODEL_FORMAT,
            "fingerprint": self.fingerprint,
            "precision": self.precision,
            "threshold": repr(self.point.threshold),
            "peak": repr(self.point.peak),
            "stride": str(self.stride),
            "tile": str(self.tile),
            "resize": self.resizing.to_json(),
            "classes": json.dumps(sorted(self.classes)),
            "statistics": canonical_json(self.statistics).decode(),
        }
        return {_PREFIX + key: value for key, value in entries.items()}

    def _check_ranges(self) -> None:
        point = self.point
        if (
            not (0.0 <= point.threshold <= 1.0 and 0.0 <= point.peak <= 1.0)
            or not 1 <= self.stride <= self.tile <= 4096
        ):
            raise ModelFileError(
                f"The model file names threshold {point.threshold}, peak {point.peak}, stride "
                f"{self.stride} and tile {self.tile}; accepted: 0 to 1, 0 to 1, and "
                "1 <= stride <= tile <= 4096."
            )


def _read_point(metadata: Mapping[str, str]) -> OperatingPoint:
    """Return threshold and peak; a file that names no peak marks all from the threshold on."""
    peak = metadata.get(_PREFIX + "peak", "0")
    return OperatingPoint(float(metadata[_PREFIX + "threshold"]), float(peak))


def _read_classes(text: str) -> tuple[str, ...]:
    classes = json.loads(text[: _CLASSES * _CLASS_LENGTH])
    if not isinstance(classes, list) or len(classes) > _CLASSES:
        raise ValueError(f"classes is no list of at most {_CLASSES} names")
    if not all(isinstance(name, str) and len(name) <= _CLASS_LENGTH for name in classes):
        raise ValueError(f"a class is no text of at most {_CLASS_LENGTH} characters")
    return tuple(classes)


def _read_statistics(text: str) -> Mapping[str, Any]:
    if len(text) > _STATISTICS_LENGTH:
        raise ValueError(f"statistics has {len(text)} characters, over {_STATISTICS_LENGTH}")
    statistics = json.loads(text)
    if not isinstance(statistics, dict):
        raise ValueError("statistics is no JSON object")  # noqa: TRY004 - one kind for the caller
    return statistics
