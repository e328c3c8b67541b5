"""What the user asked for, and the model that this means."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from blemish.config.serve import Serve
from blemish.errors import ModelFileError
from blemish.files import sha256_bytes
from blemish.inference import Segmenter
from blemish.registry import Registry, load_verified
from blemish.scoring.scoring_job import MaskChoice, ScoringJob


@dataclass(frozen=True)
class ScoreOptions:
    """What the user asked for."""

    ref: str = "champion"
    """Alias, version, or path of an ``.onnx`` file."""
    engine: Literal["local", "ray"] = "local"
    address: str | None = None
    """Address of a Ray cluster; a local one is started where it is None."""
    masks: MaskChoice = "defective"
    mask_png: bool = False
    bits: int | None = None
    """Depth of 16-bit images that declare none."""
    retry_errors: bool = False
    rescore_changed: bool = False
    limit: int | None = None
    workers: int | None = None
    """Processes of the local engine; one for each usable processor by default."""


@dataclass(frozen=True)
class FoundModel:
    """A verified model file, and where it was found."""

    data: bytes
    segmenter: Segmenter
    name: str
    version: int | None
    ref: str

    def job(self, options: ScoreOptions, limits: Serve) -> ScoringJob:
        """Describe the job that scores with it."""
        card = self.segmenter.card
        return ScoringJob(
            model_sha256=sha256_bytes(self.data),
            model_name=self.name,
            model_version=self.version,
            model_ref=self.ref,
            fingerprint=card.fingerprint,
            precision=card.precision,
            threshold=card.point.threshold,
            peak=card.point.peak,
            masks=options.masks,
            mask_png=options.mask_png,
            bits=options.bits,
            megabytes=limits.megabytes,
            megapixels=limits.megapixels,
            side=limits.side,
        )


def find_model(ref: str) -> FoundModel:
    """Resolve a reference once, and load what it means.

    Raises:
        ModelFileError: The file cannot be read, or is no model of ours.
        StoreError: The registry does not answer or has no such version.
    """
    if ref.endswith(".onnx"):
        try:
            data = Path(ref).read_bytes()
        except OSError as error:
            raise ModelFileError(f"Cannot read the model {ref}: {error.strerror}.") from error
        return FoundModel(data, Segmenter.from_bytes(data, threads=1), Path(ref).name, None, ref)
    registry = Registry.connect()
    version = registry.resolve(ref)
    segmenter = load_verified(registry, version, threads=1)
    data = registry.model_bytes(version)
    return FoundModel(data, segmenter, "blemish", version.version, ref)
