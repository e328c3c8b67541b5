"""The page ``/`` in a real browser."""

import re

import cv2
import numpy as np
import pytest
from browser import workshop
from browser.conftest import Dashboard, Visit
from playwright.sync_api import Page, expect

from blemish.errors import ImageError
from blemish.imaging import decode_image
from blemish.inference import Segmenter
from blemish.registry import Registry


def open_compare(page: Page, dashboard: Dashboard, query: str = "") -> None:
    page.goto(f"{dashboard.url}/{query}")
    expect(page.locator(".stage img").first).to_be_visible()


def wait_for_figures(page: Page) -> None:
    expect(page.get_by_text(re.compile(r"95 %: [+-]\d"))).to_be_visible()


def models(dashboard: Dashboard) -> dict[int, Segmenter]:
    registry = Registry.connect(workspace=dashboard.shop)
    return {v.version: Segmenter.from_bytes(registry.model_bytes(v)) for v in registry.versions()}


def test_a_link_opens_the_same_comparison(page: Page, dashboard: Dashboard) -> None:
    """Versions, picture and thresholds of a link are what the page shows."""
    open_compare(page, dashboard, "?a=3&b=2&image=metal-010&ta=0.600")
    expect(page.get_by_text("metal-010 · 128 x 128")).to_be_visible()
    expect(page.get_by_text("A: version 3, heatmap")).to_be_visible()
    expect(page.get_by_text("B: version 2, heatmap")).to_be_visible()
    expect(page.get_by_role("slider", name="Threshold A")).to_have_value("0.6")
    drawn = workshop.scene(10).plane
    marked = int((models(dashboard)[3].probability(drawn) >= 0.6).sum())
    expect(page.get_by_text(f"A marks {marked:,} px")).to_be_visible()


def test_what_is_chosen_stands_in_the_address(page: Page, dashboard: Dashboard) -> None:
    """Choosing another version changes the address, and loading that address shows it again."""
    open_compare(page, dashboard)
    page.get_by_role("combobox", name="Version B").click()
    page.get_by_role("option", name="Version 4, int8", exact=True).click()
    expect(page).to_have_url(re.compile("b=4"))
    page.reload()
    expect(page.get_by_text("B: version 4, heatmap")).to_be_visible()


def test_the_slider_changes_the_mask(page: Page, dashboard: Dashboard) -> None:
    """Moving a threshold changes the marks of that version, their picture, and no other's."""
    open_compare(page, dashboard, "?a=1&b=3&image=metal-010")
    wait_for_figures(page)
    overlay = page.locator("figure.a").nth(1).locator("img").nth(1)
    other = page.locator("figure.b").nth(1).locator("img").nth(1)
    before, untouched = overlay.get_attribute("src"), other.get_attribute("src")
    text = page.get_by_text(re.compile(r"A marks [\d,]+ px")).inner_text()
    slider = page.get_by_role("slider", name="Threshold A")
    for _ in range(20):
        slider.press("ArrowRight")
    expect(page.get_by_text(text)).to_have_count(0)
    drawn = workshop.scene(10).plane
    value = float(slider.input_value())
    marked = int((models(dashboard)[1].probability(drawn) >= np.float32(value)).sum())
    expect(page.get_by_text(f"A marks {marked:,} px")).to_be_visible()
    assert overlay.get_attribute("src") != before
    assert other.get_attribute("src") == untouched


def test_pictures_come_sorted_by_disagreement(page: Page, dashboard: Dashboard) -> None:
    """The first picture is the one on which the two versions differ the most; the next follows."""
    first, second = models(dashboard)[1], models(dashboard)[3]
    scenes = [workshop.scene(index) for index in range(24)]
    differing = {
        drawn.name: float(
            (first.predict(drawn.plane).mask != second.predict(drawn.plane).mask).mean()
        )
        for drawn in scenes
    }
    names = sorted(differing, key=lambda name: (-differing[name], name))
    open_compare(page, dashboard, "?a=1&b=3")
    wait_for_figures(page)
    expect(page.get_by_text(f"{names[0]} · 128 x 128")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text(f"{names[1]} · 128 x 128")).to_be_visible()
    expect(page.get_by_text("2 of 24")).to_be_visible()


def test_a_class_filters_the_pictures(page: Page, dashboard: Dashboard) -> None:
    """With a class in the address only its pictures are listed."""
    pits = sum("pit" in dict(workshop.scene(index).regions) for index in range(24))
    open_compare(page, dashboard, "?class=pit")
    wait_for_figures(page)
    expect(page.get_by_text(f"1 of {pits}")).to_be_visible()


def test_panes_zoom_together(page: Page, dashboard: Dashboard) -> None:
    """Scrolling over one pane gives every pane the same zoom and place; 0 brings the whole back."""
    open_compare(page, dashboard, "?image=metal-010")
    wait_for_figures(page)
    stage = page.locator(".stage").nth(2)
    stage.hover(position={"x": 60, "y": 40})
    page.mouse.wheel(0, -400)
    expect(page.get_by_text("272 %")).to_be_visible()
    transforms = page.locator(".sheet").evaluate_all("all => all.map(one => one.style.transform)")
    assert len(transforms) == 6
    assert len(set(transforms)) == 1
    assert "scale(2.7" in transforms[0]
    stage.press("0")
    expect(page.get_by_text("100 %")).to_be_visible()


def test_uploads_good_and_broken(page: Page, dashboard: Dashboard) -> None:
    """A good upload is compared; a broken one shows the decode gate's reason, word for word."""
    _, encoded = cv2.imencode(".png", workshop.scene(500).plane)
    good = encoded.tobytes()
    broken = good[: len(good) // 2]
    with pytest.raises(ImageError) as refused:
        decode_image(broken)
    page.goto(f"{dashboard.url}/?on=uploads")
    page.locator("input[type=file]").set_input_files(
        [
            {"name": "part.png", "mimeType": "image/png", "buffer": good},
            {"name": f"{workshop.HOSTILE}.png", "mimeType": "image/png", "buffer": broken},
            {"name": "**[x](javascript:1)**.png", "mimeType": "image/png", "buffer": good},
        ]
    )
    expect(page.get_by_text("part.png · 128 x 128")).to_be_visible()
    expect(page.get_by_text(str(refused.value))).to_be_visible()
    expect(page.get_by_text(f"{workshop.HOSTILE}.png: ")).to_be_visible()
    assert page.locator("img[src=x]").count() == 0
    assert page.locator("a[href^=javascript]").count() == 0


def test_the_report_is_one_file_that_runs_nothing(
    page: Page, dashboard: Dashboard, visit: Visit
) -> None:
    """The report holds figures and pictures, and opens without asking for anything."""
    open_compare(page, dashboard, "?a=1&b=3&image=metal-010")
    wait_for_figures(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Report").click()
    path = download.value.path()
    visit.asked.clear()
    page.set_content(path.read_text(encoding="utf-8"))
    expect(
        page.get_by_role("heading", name="Comparison of A: version 1 and B: version 3")
    ).to_be_visible()
    assert page.locator("img").count() == 8 * 6
    assert [url for url in visit.asked if not url.startswith("data:")] == []


def test_curves_and_versions_are_shown(page: Page, dashboard: Dashboard) -> None:
    """The curves of both versions and the parameters that differ are a click away."""
    open_compare(page, dashboard, "?a=1&b=3")
    wait_for_figures(page)
    page.get_by_role("tab", name="Curves").click()
    expect(page.get_by_text("Precision and recall", exact=True)).to_be_visible()
    expect(
        page.locator(
            "[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg"
        ).first
    ).to_be_visible()
    page.get_by_role("tab", name="Versions").click()
    expect(page.get_by_text(re.compile("Parameters that differ \\(1 of"))).to_be_visible()


@pytest.mark.parametrize("width", [1440, 1024, 768])
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
