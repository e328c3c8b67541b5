"""What the routes say of themselves in the OpenAPI document."""

from typing import Any

PREDICT: dict[str, Any] = {"tags": ["predict"]}
MODELS: dict[str, Any] = {"tags": ["models"]}
MODEL: dict[str, Any] = {"tags": ["models"]}
LIVE: dict[str, Any] = {"tags": ["health"]}
READY: dict[str, Any] = {"tags": ["health"]}
METRICS: dict[str, Any] = {"tags": ["health"]}
