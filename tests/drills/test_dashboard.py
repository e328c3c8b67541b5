"""A single upload, fifty times in fresh tabs: the page once waited for ever in 11 of 12."""

import cv2
import pytest
from browser import workshop
from browser.conftest import Dashboard, chromium, dashboard, shop
from playwright.sync_api import Browser, expect

__all__ = ["chromium", "dashboard", "shop"]
pytestmark = [pytest.mark.drill, pytest.mark.timeout(3600)]

TIMES = 50


def test_one_upload_is_compared_every_time(chromium: Browser, dashboard: Dashboard) -> None:
    """Each file is compared and shown with a sentence, and no progress is left standing."""
    done = 0
    for attempt in range(TIMES):
        _, encoded = cv2.imencode(".png", workshop.scene(1_000 + attempt).plane)
        context = chromium.new_context()
        page = context.new_page()
        page.goto(f"{dashboard.url}/?on=uploads&a=1&b=3")
        page.locator("input[type=file]").set_input_files(
            [{"name": "part.png", "mimeType": "image/png", "buffer": encoded.tobytes()}]
        )
        expect(page.get_by_text("part.png · 128 x 128")).to_be_visible(timeout=60_000)
        expect(page.get_by_text("Of 1 image, A calls")).to_be_visible(timeout=60_000)
        expect(page.get_by_text("Both versions have seen")).to_have_count(0, timeout=60_000)
        context.close()
        done += 1
    print(f"{done} of {TIMES} single uploads were compared")
    assert done == TIMES
