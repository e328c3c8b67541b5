"""Entries for tests of the prediction log."""

import hashlib
from datetime import UTC, datetime

from blemish.monitoring.prediction_log import LogEntry
from blemish.prediction import ImageIdentity, ModelIdentity, Prediction, Timing

NOW = datetime(2026, 3, 4, 12, 30, 30, tzinfo=UTC)


def entry(number: int = 0, **changes: object) -> LogEntry:
    """Return the entry of an image that was answered."""
    prediction = predicted(number)
    named = [name for name in changes if name in Prediction.model_fields]
    own = {name: changes.pop(name) for name in named if not isinstance(changes[name], bytes)}
    values: dict[str, object] = {
        "time": NOW,
        "request_id": f"request-{number}",
        "status": 200,
        "version": prediction.model.version,
        "prediction": prediction.model_copy(update=own),
        "statistics": {"brightness": 0.5, "probability_mass": 0.01},
    }
    return LogEntry(**(values | changes))  # type: ignore[arg-type]


def predicted(number: int = 0, version: int = 3, alias: str = "champion") -> Prediction:
    """Return the prediction of an image without a defect."""
    return Prediction(
        model=ModelIdentity(
            name="blemish",
            version=version,
            alias=alias,
            precision="fp32",
            fingerprint="f" * 64,
            git_commit="c0ffee",
        ),
        image=ImageIdentity(
            width=256, height=128, sha256=hashlib.sha256(str(number).encode()).hexdigest()
        ),
        threshold=0.5,
        defective=False,
        defect_area_fraction=0.0,
        defect_count=0,
        defects=(),
        warnings=(),
        timing_ms=took(10.0),
    )


def took(total: float, infer: float = 8.0) -> Timing:
    """Return the timing of an image, in milliseconds."""
    return Timing(decode=1.0, infer=infer, post=1.0, total=total)


def refused(number: int = 0, **changes: object) -> LogEntry:
    """Return the entry of a request that was not."""
    return LogEntry(
        **(
            {"time": NOW, "request_id": f"bad-{number}", "status": 415, "error": "image-type"}
            | changes
        )  # type: ignore[arg-type]
    )
