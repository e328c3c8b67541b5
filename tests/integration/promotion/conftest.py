"""What every test of a promotion begins with."""

from pathlib import Path

import pytest
from integration.tiny_checkout import make_checkout

from blemish.config import Workspace, load_params
from blemish.config.promote import Promote
from blemish.recording import sync

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A checkout whose champion, version 1, has Dice 0.8 on 24 images of 12 parts."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("BLEMISH_CACHE", str(tmp_path / "cache"))
    workspace = make_checkout(tmp_path / "checkout", skill=0.8)
    sync.record_workspace(workspace)
    return workspace


@pytest.fixture
def rule() -> Promote:
    """The shipped bounds, but for latency: these models take microseconds."""
    shipped = load_params(REPOSITORY / "params.yaml").promote
    return shipped.model_copy(update={"latency_ratio": 100.0})
