"""What tests of recording share."""

from pathlib import Path

import pytest
from integration.tiny_checkout import make_checkout

from blemish.config import Workspace


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A checkout whose pipeline has run, with a store of its own."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("DVC_STAGE", raising=False)
    monkeypatch.setenv("BLEMISH_CACHE", str(tmp_path / "cache"))
    return make_checkout(tmp_path / "checkout")
