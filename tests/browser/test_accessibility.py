"""Every page for people who see little or use no mouse."""

import pytest
from browser.axe_findings import serious
from browser.conftest import Dashboard, Visit, raw_values
from playwright.sync_api import Browser, Page, expect

PAGES = {
    "/": "Intervals are 95 %",
    "/monitor": "Rules",
    "/models": "Lineage and gate",
    "/data?set=plates": "Show masks",
    "/data?set=plates&open=metal-101": "Link to this image",
}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(chromium: Browser, dashboard: Dashboard, theme: str) -> None:
    """On no page and in no opened image, in neither theme; no page shows the words of its code.

    The dialogs of Models are looked into where they are used, in ``test_models_page``.
    """
    context = chromium.new_context(
        viewport={"width": 1440, "height": 1000},
        color_scheme="dark" if theme == "dark" else "light",
    )
    page = context.new_page()
    found = []
    for address, awaited in PAGES.items():
        page.goto(f"{dashboard.url}{address}")
        expect(page.get_by_text(awaited).first).to_be_visible()
        page.wait_for_timeout(1_500)  # tabs and dialogs fade in, and half a fade has no contrast
        found += [f"{address} {said}" for said in (*serious(page), *raw_values(page))]
    context.close()
    assert found == []


def test_the_keyboard_alone_reaches_every_job(visit: Visit, dashboard: Dashboard) -> None:
    """From page to page, to a version, into an image and out again, without a mouse."""
    page = visit.page
    page.goto(f"{dashboard.url}/models")
    expect(page.get_by_text("Lineage and gate")).to_be_visible()
    _tab_to(page, ".st-key-ask-gate button")
    _tab_to(page, "a[href$='/data']", backwards=True)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Show masks")).to_be_visible()
    _tab_to(page, "[class*=st-key-open-] button")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Link to this image")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(dialog.get_by_text("2 of")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    _tab_to(page, "a[href$='/monitor']", backwards=True)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Latest predictions")).to_be_visible()


def _tab_to(page: Page, selector: str, *, backwards: bool = False) -> None:
    """Press Tab until what a selector names has the focus."""
    for _ in range(120):
        page.keyboard.press("Shift+Tab" if backwards else "Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    pytest.fail(f"Tab never reached {selector}.")
