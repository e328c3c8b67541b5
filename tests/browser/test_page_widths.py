"""Every page on a desk, a laptop and a telephone."""

import pytest
from browser.conftest import Dashboard
from playwright.sync_api import Page, expect


@pytest.mark.parametrize("width", [1440, 1024, 390])
@pytest.mark.parametrize("path", ["/", "/monitor", "/models", "/data"])
def test_no_page_is_wider_than_the_window(
    page: Page, dashboard: Dashboard, path: str, width: int
) -> None:
    """Nothing is cut off or scrolls sideways on a desk, a laptop or a tablet."""
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(dashboard.url + path)
    expect(page.locator("[data-testid=stMain] h2").first).to_be_visible()
    page.wait_for_timeout(700)
    wider = page.evaluate(
        "() => { const m = document.querySelector('[data-testid=stMain]');"
        " return m.scrollWidth - m.clientWidth; }"
    )
    assert wider <= 1
