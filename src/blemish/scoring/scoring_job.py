"""What a job is: model, operating point and the options that decide every byte of its rows."""

import json
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from typing import Any, Literal, Self

from blemish.errors import ScoringError
from blemish.files import canonical_json, sha256_bytes

FILE = "job.json"
MODEL_FILE = "model.onnx"
CODE_VERSION = 1
"""Of this package; counts up when the rows of the same image may change."""

MaskChoice = Literal["none", "defective", "all"]
_LIBRARIES = ("numpy", "onnxruntime", "opencv-python-headless", "pillow", "pyarrow")


@dataclass(frozen=True)
class ScoringJob:
    """The identity of a job; two jobs of one identity give the same rows."""

    model_sha256: str
    model_name: str
    """The registered model, or the file."""
    model_version: int | None
    """None for a file that is in no registry."""
    model_ref: str
    """What the user asked for when the job began; an alias may have moved since."""
    fingerprint: str
    precision: str
    threshold: float
    peak: float
    masks: MaskChoice
    mask_png: bool
    bits: int | None
    """Depth of 16-bit images that declare none."""
    megabytes: int
    """Limit of the image decoder, and so are the next two."""
    megapixels: int
    side: int
    code_version: int = CODE_VERSION

    @property
    def identity(self) -> str:
        """SHA-256 over all but the names under which the model was found."""
        document = asdict(self)
        for name in ("model_name", "model_version", "model_ref"):
            del document[name]
        return sha256_bytes(canonical_json(document))

    def to_json(self) -> bytes:
        """Return the content of ``job.json``."""
        libraries = {name: version(name) for name in _LIBRARIES}
        document = {"identity": self.identity, **asdict(self), "libraries": libraries}
        return json.dumps(document, indent=2).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes, place: str) -> Self:
        """Read what :meth:`to_json` wrote.

        Args:
            data: The content.
            place: Where it lies, for the message.

        Raises:
            ScoringError: It is something else.
        """
        try:
            document: dict[str, Any] = json.loads(data)
            job = cls(**{field.name: document[field.name] for field in fields(cls)})
            intact = job.identity == document["identity"]
        except (ValueError, KeyError, TypeError) as error:
            raise ScoringError(
                f"{place}/{FILE} is no job of blemish: {error!r}. Name another folder: --out DIR"
            ) from error
        if not intact:
            raise ScoringError(
                f"{place}/{FILE} was edited: its identity no longer matches. Name another folder: "
                "--out DIR"
            )
        return job

    def require_same(self, wanted: "ScoringJob", place: str) -> None:
        """Refuse to go on with what another job began.

        Raises:
            ScoringError: Naming each difference.
        """
        if self.identity == wanted.identity:
            return
        names = {"model_name", "model_version", "model_ref"}
        differences = [
            f"{field.name} {getattr(self, field.name)!r} there, {getattr(wanted, field.name)!r} now"
            for field in fields(self)
            if field.name not in names and getattr(self, field.name) != getattr(wanted, field.name)
        ]
        raise ScoringError(
            f"{place} holds another job: {'; '.join(differences)}. Repeat its options, or name "
            "another folder: --out DIR"
        )
