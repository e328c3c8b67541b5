"""A registry or a log that is away: each page says so, and comes back by itself."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.conftest import Dashboard, cell, free_port, running
from playwright.sync_api import Page, expect

_DOWN = "The model registry does not answer"
"""On the page, and in the strip about the line once it has looked."""


@pytest.fixture(scope="module")
def away(dashboard: Dashboard, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A read-only dashboard whose registry is a server that does not run, its log corrupt."""
    corrupt = tmp_path_factory.mktemp("log") / "predictions.db"
    corrupt.write_bytes(b"this is no database, " * 100)
    environment = {
        **dashboard.environment,
        "BLEMISH_CACHE": str(tmp_path_factory.mktemp("cache")),
        "BLEMISH_LOG_URL": f"sqlite:///{corrupt}",
        "BLEMISH_DASHBOARD_READ_ONLY": "1",
        "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{free_port()}",
    }
    with running("dashboard", dashboard.shop.root, environment, "/_stcore/health") as url:
        yield Dashboard(url, dashboard.shop, environment)


@pytest.mark.slow
def test_a_registry_that_is_down_and_comes_back(page: Page, away: Dashboard) -> None:
    """Compare and Models name the registry while it is down, and show it once it answers."""
    page.goto(f"{away.url}/models")
    expect(page.get_by_text(_DOWN).first).to_be_visible(timeout=30_000)
    assert "Traceback" not in page.inner_text("body")
    port = away.environment["MLFLOW_TRACKING_URI"].rpartition(":")[2]
    with _mlflow(away.shop.root, port):
        expect(cell(page, "candidate-int8")).to_be_attached(timeout=90_000)
        expect(page.get_by_text("Read-only")).to_be_visible()
        expect(page.get_by_role("button", name="Promote")).to_have_count(0)
    page.goto(f"{away.url}/")
    expect(page.get_by_text(_DOWN).first).to_be_visible(timeout=30_000)


def test_a_corrupt_log_and_one_that_is_fixed(page: Page, away: Dashboard) -> None:
    """Monitor names a log that is no database, and goes on once it is replaced."""
    page.goto(f"{away.url}/monitor")
    expect(page.get_by_text("A service does not answer").first).to_be_visible()
    expect(page.get_by_text("file is not a database").first).to_be_visible()
    Path(away.environment["BLEMISH_LOG_URL"].removeprefix("sqlite:///")).unlink()
    expect(page.get_by_text("No request in this range")).to_be_visible(timeout=30_000)


class _mlflow:  # noqa: N801 - used like a function
    """An MLflow server on the embedded store, while the block runs."""

    def __init__(self, root: Path, port: str) -> None:
        store = f"sqlite:///{root / 'mlflow.db'}"
        self._command = [
            sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store,
            "--artifacts-destination", str(root / "mlartifacts"), "--port", port, "--workers", "1",
        ]  # fmt: skip

    def __enter__(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"},
            start_new_session=True,
        )

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, 15)
        self._process.wait(30)
