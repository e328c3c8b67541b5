"""A version that is loaded, has proved itself, and can answer requests."""

from dataclasses import dataclass, field

from blemish.errors import ModelFileError
from blemish.inference import Segmenter
from blemish.prediction import ModelIdentity
from blemish.registry import Registry, Version, load_verified
from blemish.store.names import MODEL


@dataclass(frozen=True)
class LoadedModel:
    """A version that is loaded and has passed its self-check."""

    version: Version
    segmenter: Segmenter = field(repr=False)

    def identity(self, ref: str) -> ModelIdentity:
        """Say which model this is, to one who asked for ``ref``."""
        version = self.version
        return ModelIdentity(
            name=MODEL,
            version=version.version,
            alias=None if ref.isdigit() else ref,
            precision=version.precision,
            fingerprint=version.fingerprint,
            git_commit=version.git_commit,
        )


def load_model(registry: Registry, version: Version, threads: int) -> LoadedModel:
    """Load a version from verified bytes, warm it up and have it prove itself.

    Raises:
        ModelFileError: It is not what it should be.
        StoreError: Its file cannot be had.
    """
    segmenter = load_verified(registry, version, threads=threads)
    segmenter.check()
    card = segmenter.card
    for name, tag, own in (
        ("fingerprint", version.fingerprint, card.fingerprint),
        ("precision", version.precision, card.precision),
    ):
        if tag != own:
            raise ModelFileError(
                f"Version {version.version} is tagged {name} {tag[:16]!r}, its file says "
                f"{own[:16]!r}. Register it anew: blemish sync"
            )
    return LoadedModel(version, segmenter)
