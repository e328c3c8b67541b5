"""Records for tests of the prediction log."""

import hashlib
from datetime import UTC, datetime

from blemish.monitoring.prediction_log import PredictionRecord

NOW = datetime(2026, 3, 4, 12, 30, 30, tzinfo=UTC)


def record(number: int = 0, **changes: object) -> PredictionRecord:
    """Return the record of an image that was answered."""
    values: dict[str, object] = {
        "time": NOW,
        "request_id": f"request-{number}",
        "status": 200,
        "version": 3,
        "alias": "champion",
        "precision": "fp32",
        "width": 256,
        "height": 128,
        "image_sha256": hashlib.sha256(str(number).encode()).hexdigest(),
        "threshold": 0.5,
        "defective": False,
        "defect_area_fraction": 0.0,
        "timing_ms": {"decode": 1.0, "infer": 8.0, "post": 1.0, "total": 10.0},
        "statistics": {"brightness": 0.5, "probability_mass": 0.01},
    }
    return PredictionRecord(**(values | changes))  # type: ignore[arg-type]


def refused(number: int = 0, **changes: object) -> PredictionRecord:
    """Return the record of a request that was not."""
    return PredictionRecord(
        **(
            {"time": NOW, "request_id": f"bad-{number}", "status": 415, "error": "image-type"}
            | changes
        )  # type: ignore[arg-type]
    )
