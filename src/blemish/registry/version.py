"""One version of the registered model, as the rest of Blemish sees it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from blemish.store.names import GATE

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion


@dataclass(frozen=True)
class Version:
    """A registered model file with its lineage.

    Attributes:
        version: Its number, from 1.
        aliases: Names that point at it, sorted.
        precision: ``fp32`` or ``int8``; empty for a version that Blemish did not register.
        sha256: Of its file, 64 hexadecimal digits; empty as above.
        fingerprint: SHA-256 over the inputs of its training.
        record: SHA-256 over the final outputs it belongs to.
        git_commit: Of the checkout that made it; ``unknown`` without git.
        git_dirty: Whether that checkout had uncommitted changes; None where unknown.
        run_id: Its MLflow run.
        tags: All of its tags.
        metrics: Last values of its run's metrics.
        params: Of its run.
        created: When it was registered, UTC.
    """

    version: int
    aliases: tuple[str, ...]
    precision: str
    sha256: str
    fingerprint: str
    record: str
    git_commit: str
    git_dirty: bool | None
    run_id: str
    tags: Mapping[str, str] = field(repr=False)
    metrics: Mapping[str, float] = field(repr=False)
    params: Mapping[str, str] = field(repr=False)
    created: datetime

    @property
    def threshold(self) -> float | None:
        """The threshold inside its file, as the tags have it."""
        text = self.tags.get("threshold")
        return float(text) if text else None

    @property
    def dice(self) -> float | None:
        """Pooled Dice of its file on the test split, as the tags have it."""
        text = self.tags.get("test_dice")
        return float(text) if text else None

    @property
    def iou(self) -> float | None:
        """Pooled IoU of its file on the test split, as the tags have it."""
        text = self.tags.get("test_iou")
        return float(text) if text else None

    @property
    def size_bytes(self) -> int | None:
        """The size of its file, as the tags have it."""
        text = self.tags.get("size_bytes")
        return int(text) if text else None

    @property
    def latency_ms(self) -> float | None:
        """Median for one tile on the host that registered it; informative only."""
        text = self.tags.get("latency_ms")
        return float(text) if text else None

    @property
    def gate(self) -> dict[str, str]:
        """The last decision of the gate about it and its figures, by name; empty before any."""
        return {
            key.removeprefix(GATE): value
            for key, value in sorted(self.tags.items())
            if key.startswith(GATE)
        }

    def to_document(self) -> dict[str, Any]:
        """Return everything as JSON values; :meth:`from_document` reads it back."""
        document = asdict(self)
        return document | {
            "aliases": list(self.aliases),
            "created": self.created.isoformat(),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_document` returned.

        Raises:
            KeyError, TypeError, ValueError: It is something else.
        """
        return cls(
            **{
                **document,
                "aliases": tuple(document["aliases"]),
                "created": datetime.fromisoformat(document["created"]),
            }
        )

    @classmethod
    def from_mlflow(cls, found: "ModelVersion", run: "Run | None", aliases: Sequence[str]) -> Self:
        """Build one from MLflow's version, its run, and the aliases that point at it."""
        tags = dict(found.tags)
        dirty = {"true": True, "false": False}.get(tags.get("git_dirty", ""))
        return cls(
            version=int(found.version),
            aliases=tuple(sorted(aliases)),
            precision=tags.get("precision", ""),
            sha256=tags.get("sha256", ""),
            fingerprint=tags.get("fingerprint", ""),
            record=tags.get("record", ""),
            git_commit=tags.get("git_commit", "unknown"),
            git_dirty=dirty,
            run_id=found.run_id or "",
            tags=tags,
            metrics=dict(run.data.metrics) if run else {},
            params=dict(run.data.params) if run else {},
            created=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
        )
