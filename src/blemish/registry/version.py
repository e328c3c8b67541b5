"""One version of the registered model, as the rest of Blemish sees it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from blemish.store.names import (
    COMMIT,
    DERIVED_FROM,
    DIRTY,
    GATE,
    GATE_VERDICT,
    LATENCY,
    PEAK,
    PRECISION,
    SHA256,
    SIZE,
    TEST_DICE,
    TEST_IOU,
    THRESHOLD,
    VERSION_FINGERPRINT,
    VERSION_RECORD,
)

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

_NUMBERS = (THRESHOLD, PEAK, TEST_DICE, TEST_IOU, SIZE, LATENCY)
_TAG_LENGTH = 100_000


@dataclass(frozen=True)
class Version:
    """A registered model file with its lineage.

    Attributes:
        version: Its number, from 1.
        aliases: Names that point at it, sorted.
        precision: ``fp32`` or ``int8``; empty for a version that Blemish did not register.
        sha256: SHA-256 of its file, 64 hexadecimal digits; empty as above.
        fingerprint: SHA-256 over the inputs of its training.
        record: SHA-256 over the final outputs it belongs to.
        git_commit: Commit of the checkout that made it; ``unknown`` without git.
        git_dirty: Whether that checkout had uncommitted changes; None where unknown.
        run_id: Its MLflow run.
        tags: All of its tags, each cut to a length that fits a page.
        metrics: Last values of its run's metrics.
        params: Params of its run.
        created: When it was registered, UTC.
        run_lost: Whether its run was deleted, so that metrics, params and test images are gone.
        unusable_metrics: Metrics of its run that are not finite, as text; left out of ``metrics``.
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
    run_lost: bool = False
    unusable_metrics: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def identity(self) -> tuple[int, str]:
        """Its number and its SHA-256: equal for the same file under the same number alone."""
        return self.version, self.sha256

    @property
    def threshold(self) -> float | None:
        """The threshold inside its file, as the tags have it."""
        return self._number(THRESHOLD)

    @property
    def dice(self) -> float | None:
        """Pooled Dice of its file on the test split, as the tags have it."""
        return self._number(TEST_DICE)

    @property
    def iou(self) -> float | None:
        """Pooled IoU of its file on the test split, as the tags have it."""
        return self._number(TEST_IOU)

    @property
    def is_evaluated(self) -> bool:
        """Whether the metrics of its run are of this very file: fp32, with the point of its run."""
        return self.precision == "fp32" and DERIVED_FROM not in self.tags

    @property
    def clean_marked_share(self) -> float | None:
        """Share of the clean test images that it marks; None where that was not measured."""
        return self.metrics.get("clean_marked_share") if self.is_evaluated else None

    @property
    def clean_marked_bound(self) -> float | None:
        """Upper bound of that share at 95 % confidence; None likewise."""
        return self.metrics.get("clean_marked_bound") if self.is_evaluated else None

    @property
    def size_bytes(self) -> int | None:
        """The size of its file, as the tags have it."""
        size = self._number(SIZE)
        return None if size is None else int(size)

    @property
    def latency_ms(self) -> float | None:
        """Median for one tile on the host that registered it; informative only."""
        return self._number(LATENCY)

    @property
    def faults(self) -> tuple[str, ...]:
        """Sentences on tags and metrics that cannot be read as the numbers that they should be."""
        tags = [
            f"Version {self.version}: tag {name} is {self.tags[name][:40]!r}, no finite number; it "
            "is left out."
            for name in _NUMBERS
            if self.tags.get(name) and self._number(name) is None
        ]
        metrics = [
            f"Version {self.version}: metric {name} of its run is {value} and is left out."
            for name, value in self.unusable_metrics.items()
        ]
        lost = (
            f"Version {self.version}: its run {self.run_id} was deleted from the store, with its "
            "metrics, params and test images. Record it again: blemish sync"
        )
        return (*([lost] if self.run_lost else []), *tags, *metrics)

    def _number(self, tag: str) -> float | None:
        """Return a tag as a finite number; None where it is absent or says something else.

        People edit tags in the MLflow UI, and write ``0,24`` there.
        """
        try:
            value = float(self.tags.get(tag, ""))
        except ValueError:
            return None
        return value if math.isfinite(value) else None

    @property
    def gate(self) -> dict[str, str]:
        """The last decision of the gate about it and its metrics, by name; empty before any.

        Tags without a verdict are what a kill left of a decision.
        """
        if GATE_VERDICT not in self.tags:
            return {}
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
        tags = {key: str(value)[:_TAG_LENGTH] for key, value in found.tags.items()}
        metrics = dict(run.data.metrics) if run else {}
        dirty = {"true": True, "false": False}.get(tags.get(DIRTY, ""))
        return cls(
            version=int(found.version),
            aliases=tuple(sorted(aliases)),
            precision=tags.get(PRECISION, ""),
            sha256=tags.get(SHA256, ""),
            fingerprint=tags.get(VERSION_FINGERPRINT, ""),
            record=tags.get(VERSION_RECORD, ""),
            git_commit=tags.get(COMMIT, "unknown"),
            git_dirty=dirty,
            run_id=run.info.run_id if run else found.run_id or "",
            tags=tags,
            metrics={name: value for name, value in metrics.items() if math.isfinite(value)},
            params=dict(run.data.params) if run else {},
            created=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
            run_lost=run is None and bool(found.run_id),
            unusable_metrics={
                name: str(value) for name, value in metrics.items() if not math.isfinite(value)
            },
        )
