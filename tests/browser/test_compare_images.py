"""The images of the page ``/``: position, panes and uploads."""

import re
from urllib.parse import parse_qs, urlsplit

import cv2
import numpy as np
import pytest
from browser import workshop
from browser.compare_steps import fair_scenes, open_compare, wait_for_metrics
from browser.conftest import Dashboard
from playwright.sync_api import Page, expect

from blemish.errors import ImageError
from blemish.imaging import decode_image


def test_one_position_for_list_counter_keys_and_buttons(page: Page, dashboard: Dashboard) -> None:
    """Those that differ in result come first; ten quick keys move ten images; a click selects.

    The threshold changes the marks of its version and no other's; keys inside a slider move it.
    """
    open_compare(page, dashboard, "?a=1&b=3&sort=name")
    wait_for_metrics(page)
    names = sorted(one.name for one in fair_scenes())
    expect(page.get_by_text(f"{names[0]} · 128 x 128")).to_be_visible()
    expect(page.get_by_text("1 of 22")).to_be_visible()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    expect(page.get_by_text("11 of 22")).to_be_visible()
    expect(page.get_by_text(f"{names[10]} · 128 x 128")).to_be_visible()
    expect(page).to_have_url(re.compile(f"image={names[10]}"))
    row = page.locator(".row[aria-selected=true]")
    expect(row).to_contain_text(names[10])
    assert row.evaluate(
        "r => r.offsetTop >= r.parentElement.scrollTop && r.offsetTop + r.offsetHeight <="
        " r.parentElement.scrollTop + r.parentElement.clientHeight"
    )
    page.get_by_role("button", name="Previous image").click()
    expect(page.get_by_text("10 of 22")).to_be_visible()
    page.locator(".row", has_text="metal-010").locator("img").click()
    expect(page.get_by_text("metal-010 · 128 x 128")).to_be_visible()
    overlay = page.locator("figure.a").nth(1).locator("img").nth(1)
    other = page.locator("figure.b").nth(1).locator("img").nth(1)
    before, untouched = overlay.get_attribute("src"), other.get_attribute("src")
    slider = page.get_by_role("slider", name="Threshold A")
    for _ in range(20):
        slider.press("ArrowRight")
    expect(overlay).not_to_have_attribute("src", before or "")
    assert other.get_attribute("src") == untouched
    expect(page.get_by_text("metal-010 · 128 x 128")).to_be_visible()


def test_a_class_filters_the_images(page: Page, dashboard: Dashboard) -> None:
    """With a class in the address only its images are listed, and "Link" is the address bar."""
    pits = sum("pit" in dict(one.regions) for one in fair_scenes())
    open_compare(page, dashboard, "?class=pit&ta=0.000")
    wait_for_metrics(page)
    expect(page.get_by_text(f"1 of {pits}")).to_be_visible()
    expect(page.get_by_role("slider", name="Threshold A")).to_have_value("0")
    page.get_by_test_id("stPopoverButton").filter(has_text="Link").click()
    link = urlsplit(page.get_by_test_id("stCode").inner_text().strip())
    shown = urlsplit(page.url)
    assert (link.netloc, parse_qs(link.query)) == (shown.netloc, parse_qs(shown.query))


_TOUCH = """(stage, touches) => {
  const box = stage.getBoundingClientRect();
  for (const [kind, pointerId, x] of touches)
    stage.dispatchEvent(new PointerEvent(kind, {pointerId, pointerType: "touch", bubbles: true,
      clientX: box.left + x, clientY: box.top + 60}));
}"""


def test_panes_zoom_together(page: Page, dashboard: Dashboard) -> None:
    """Scrolling or pinching on one pane gives all the same zoom and place; 0 brings the whole back.

    One finger scrolls the page while the whole image is seen.
    """
    open_compare(page, dashboard, "?image=metal-010")
    wait_for_metrics(page)
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
    assert stage.evaluate("one => getComputedStyle(one).touchAction") == "pan-y"
    stage.evaluate(_TOUCH, [["pointerdown", 1, 40], ["pointermove", 1, 90]])
    expect(page.get_by_text("100 %")).to_be_visible()
    stage.evaluate(_TOUCH, [["pointerdown", 2, 130], ["pointermove", 2, 170]])
    expect(page.get_by_text("200 %")).to_be_visible()


def test_panes_fit_one_screen_wipe_and_stand_in_pairs_on_a_telephone(
    page: Page, dashboard: Dashboard
) -> None:
    """At 1440 x 900 all six panes, the caption and the key of colours are seen at once.

    "Large" shows one pane with a wipe from A to B; at 390 pixels two panes stand in a row. On a
    tablet the table of numbers is not cut off.
    """
    page.set_viewport_size({"width": 1440, "height": 900})
    open_compare(page, dashboard, "?a=1&b=3&image=metal-010")
    wait_for_metrics(page)
    expect(page.locator("figure")).to_have_count(6)
    for image in page.locator("figure img.base").all():
        image.evaluate("one => one.decode()")  # until then the panes have no height
    page.get_by_role("button", name="Zoom in").evaluate(
        "one => one.getRootNode().host.scrollIntoView({block: 'center'})"
    )
    page.wait_for_timeout(300)
    seen = [*page.locator("figure").all(), page.locator(".blemish-legend")]
    seen.append(page.get_by_text("metal-010 · 128 x 128"))
    for one in seen:
        expect(one).to_be_in_viewport(ratio=0.99)
    assert _list_height(page) > 500  # pixels: nine images beside the panes
    page.get_by_role("button", name="One large image").click()
    expect(page.locator("figure")).to_have_count(1)
    page.get_by_role("slider", name="Wipe").fill("25")
    cut = page.locator("img.wipe-a").evaluate("one => one.style.clipPath")
    other = page.locator("img.wipe-b").evaluate("one => one.style.clipPath")
    assert (cut, other) == ("inset(0px 75% 0px 0px)", "inset(0px 0px 0px 25%)")
    page.get_by_role("slider", name="Brightness").fill("150")
    assert "brightness(150%)" in page.locator("img.base").evaluate("one => one.style.filter")
    page.get_by_role("button", name="One large image").click()
    page.set_viewport_size({"width": 768, "height": 1024})
    page.wait_for_timeout(300)
    table = page.locator(".blemish-scroll").first
    assert table.evaluate("one => one.scrollWidth - one.clientWidth") <= 1
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator("figure")).to_have_count(6)
    page.wait_for_timeout(300)
    boxes = [one.bounding_box() for one in page.locator("figure").all()]
    rows = [round(box["y"]) for box in boxes if box]
    assert sorted(rows.count(y) for y in set(rows)) == [2, 2, 2]
    assert _list_height(page) < 250  # the panes stand below the list


def _list_height(page: Page) -> float:
    return float(page.locator(".list").evaluate("one => one.clientHeight"))


@pytest.mark.parametrize("attempt", range(2))
def test_one_upload_is_compared(page: Page, dashboard: Dashboard, attempt: int) -> None:
    """A single file is compared and stays so: the page waited for ever in 11 of 12 tries."""
    _, encoded = cv2.imencode(".png", workshop.scene(600 + attempt).plane)
    page.goto(f"{dashboard.url}/?on=uploads&a=2&b=4&tb=0.300")
    page.locator("input[type=file]").set_input_files(
        [{"name": "part.png", "mimeType": "image/png", "buffer": encoded.tobytes()}]
    )
    expect(page.get_by_text("part.png · 128 x 128")).to_be_visible()
    expect(page.get_by_text("Of 1 image, A calls")).to_be_visible()
    expect(page.get_by_text("Both versions have seen")).to_have_count(0)
    page.get_by_role("link", name="Monitor").click()
    expect(page.get_by_role("heading", name="Monitor")).to_be_visible()
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_text("part.png · 128 x 128")).to_be_visible()
    expect(page.get_by_text("A: version 2, heatmap")).to_be_visible()
    expect(page.get_by_text("B: version 4, heatmap")).to_be_visible()
    expect(page.get_by_role("slider", name="Threshold B")).to_have_value("0.3")


def test_uploads_good_and_broken(page: Page, dashboard: Dashboard) -> None:
    """A good upload is compared, with its mask as truth.

    A broken one shows the image decoder's reason, word for word.
    """
    _, encoded = cv2.imencode(".png", workshop.scene(500).plane)
    good = encoded.tobytes()
    mask = cv2.imencode(".png", np.full((workshop.SIDE,) * 2, 255, np.uint8))[1].tobytes()
    broken = good[: len(good) // 2]
    with pytest.raises(ImageError) as refused:
        decode_image(broken)
    page.goto(f"{dashboard.url}/?on=uploads")
    page.locator("input[type=file]").set_input_files(
        [
            {"name": "part.png", "mimeType": "image/png", "buffer": good},
            {"name": "part.mask.png", "mimeType": "image/png", "buffer": mask},
            {"name": f"{workshop.HOSTILE}.png", "mimeType": "image/png", "buffer": broken},
            {"name": "**[x](javascript:1)**.png", "mimeType": "image/png", "buffer": good},
        ]
    )
    expect(page.locator(".row", has_text="part.png")).to_be_visible()
    expect(page.get_by_text("Defective parts: 1")).to_be_visible()
    expect(page.get_by_text(str(refused.value))).to_be_visible()
    expect(page.get_by_text(f"{workshop.HOSTILE}.png: ")).to_be_visible()
    assert page.locator("img[src=x]").count() == 0
    assert page.locator("a[href^=javascript]").count() == 0
