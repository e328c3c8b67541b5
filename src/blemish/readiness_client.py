"""What a running server says of itself: asked by the dashboard and by the doctor."""

from collections.abc import Mapping
from typing import Any

import httpx

from blemish.config import settings


def ask_readiness(url: str, patience_s: float) -> Mapping[str, Any] | None:
    """Return the body of ``/readyz``; None where nothing of ours answers in time.

    Args:
        url: Base URL of the API.
        patience_s: Longest time to wait, seconds.
    """
    key = settings().api_key
    headers = {} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"}
    try:
        body = httpx.get(f"{url}/readyz", timeout=patience_s, headers=headers).json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return None
    return body if isinstance(body, dict) and "status" in body else None
