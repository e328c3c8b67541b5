"""What tests of the page ``/`` do on it and expect of it."""

from browser import workshop
from browser.conftest import Dashboard
from playwright.sync_api import Page, expect

from blemish.inference import Segmenter
from blemish.registry import Registry


def open_compare(page: Page, dashboard: Dashboard, query: str = "") -> None:
    page.goto(f"{dashboard.url}/{query}")
    expect(page.locator(".stage img").first).to_be_visible()


def wait_for_metrics(page: Page) -> None:
    expect(page.get_by_text("Intervals are 95 %, over parts.")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("So far: the comparison goes on.")).to_have_count(0, timeout=60_000)


def fair_scenes() -> list[workshop.Drawn]:
    """The test images that neither training has seen."""
    return [workshop.scene(n) for n in range(24) if n not in workshop.TRAINED_ON]


def models(dashboard: Dashboard) -> dict[int, Segmenter]:
    registry = Registry.connect(workspace=dashboard.shop)
    return {v.version: Segmenter.from_bytes(registry.model_bytes(v)) for v in registry.versions()}
