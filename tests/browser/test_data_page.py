"""The page ``/data`` in a real browser."""

import re

import numpy as np
from browser import workshop
from browser.conftest import Dashboard, cell
from playwright.sync_api import Page, expect

from blemish.visualization import encode_png


def test_a_set_is_shown_with_masks_and_classes(page: Page, dashboard: Dashboard) -> None:
    """A set is listed with its drawn defects; an image opens; a hostile name is plain text.

    On a phone two images stand in a row.
    """
    sheet = dashboard.shop.path("reports") / "drawn" / "plates.png"
    sheet.parent.mkdir(parents=True, exist_ok=True)
    sheet.write_bytes(encode_png(np.full((40, 60, 3), 200, np.uint8)))
    page.goto(f"{dashboard.url}/data?set=plates")
    expect(page.get_by_text(re.compile("<img src=x")).first).to_be_visible()
    page.locator(".st-key-tile-metal-101 img").click(force=True)  # the button covers it
    expect(page.get_by_text("Outline of the mask")).to_be_visible()
    expect(page).to_have_url(re.compile("open=metal-101"))
    page.get_by_role("dialog").get_by_role("button", name="Next").click()
    expect(page.get_by_role("heading", name="metal-102")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Outline of the mask")).to_have_count(0)
    expect(page).not_to_have_url(re.compile("open="))
    assert page.locator("img[src=x]").count() == 0
    expect(page.get_by_alt_text(re.compile("^Photographs with drawn defects"))).to_be_attached()
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(500)
    boxes = [one.bounding_box() for one in page.locator("[class*=st-key-tile-]").all()]
    rows = [round(box["y"]) for box in boxes if box]
    assert [rows.count(y) for y in sorted(set(rows))] == [2, 2, 2]


def test_filters_and_page_stand_in_the_address(page: Page, dashboard: Dashboard) -> None:
    """A link brings filter and page back; what it names and is not there is said."""
    page.goto(f"{dashboard.url}/data?set=plates&kind=defect-free&open=gone&class=dent&page=9")
    expect(page.get_by_text("names the image gone, which is not in this set")).to_be_visible()
    expect(page.get_by_text("The address names dent as Class")).to_be_visible()
    expect(page.get_by_alt_text(re.compile("defect-free$"))).not_to_have_count(0)
    expect(page.get_by_alt_text(re.compile("crack"))).to_have_count(0)
    page.get_by_text("Defective", exact=True).click()
    expect(page).to_have_url(re.compile("kind=defective"))
    expect(page.get_by_alt_text(re.compile("crack"))).not_to_have_count(0)


def test_what_to_label_next(page: Page, dashboard: Dashboard) -> None:
    """Fine-tuning's suspects are shown, and the photographs of a set are ranked with images."""
    table = dashboard.shop.path("finetuned") / "suspects.csv"
    before = table.read_text() if table.is_file() else None
    table.parent.mkdir(parents=True, exist_ok=True)
    rows = f"set,image_id,expected_defect_px\n{workshop.HOSTILE},metal-101,37.0\n"
    table.write_text(rows)
    try:
        page.goto(f"{dashboard.url}/data?labels=plates")
        page.get_by_role("tab", name="What to label next").click()
        expect(page.get_by_text("metal-101: 37 px expected defective")).to_be_visible()
        page.get_by_role("button", name="Rank 6 photographs").click()
        expect(page.get_by_text("Labels to check, the largest disagreement first")).to_be_visible()
        expect(
            page.get_by_alt_text(re.compile("photograph, label and heatmap$"))
        ).not_to_have_count(0)
    finally:
        table.unlink()
        if before is not None:
            table.write_text(before)


def test_the_generator_draws_what_is_asked_for(page: Page, dashboard: Dashboard) -> None:
    """The preview draws eight images; another surface draws eight others."""
    page.goto(f"{dashboard.url}/data")
    page.get_by_role("tab", name="Generator").click()
    expect(page.get_by_alt_text(re.compile("^Drawn image 7"))).to_be_visible()
    page.get_by_role("combobox", name="Surface").click()
    page.get_by_role("option", name="turned").click()
    expect(page.get_by_alt_text(re.compile("^Drawn image 7: turned"))).to_be_visible()


def test_validation_names_what_it_refuses(page: Page, dashboard: Dashboard) -> None:
    """A mask that was removed is named by the check; before that the set passes."""
    mask = dashboard.shop.path("real") / "plates" / "masks" / "metal-101.png"
    page.goto(f"{dashboard.url}/data")
    page.get_by_role("tab", name="Validation").click()
    page.get_by_role("button", name="Check").nth(1).click()
    expect(page.get_by_text("All 6 images and their masks can be used.")).to_be_visible()
    kept = mask.read_bytes()
    mask.unlink()
    try:
        page.reload()
        page.get_by_role("tab", name="Validation").click()
        page.get_by_role("button", name="Check").nth(1).click()
        expect(page.get_by_text("1 faults in 6 images.")).to_be_visible()
        expect(cell(page, "plates/masks/metal-101.png")).to_be_attached()
    finally:
        mask.write_bytes(kept)
    assert workshop.HOSTILE.startswith("<img")
