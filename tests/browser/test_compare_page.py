"""The page ``/`` in a real browser."""

import re
from collections import Counter
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import cv2
import numpy as np
import pytest
from browser import workshop
from browser.conftest import Dashboard, Visit, fill_in
from integration.scoring_jobs import run_job
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

from blemish.errors import ImageError
from blemish.imaging import decode_image
from blemish.inference import Segmenter
from blemish.registry import Registry


def open_compare(page: Page, dashboard: Dashboard, query: str = "") -> None:
    page.goto(f"{dashboard.url}/{query}")
    expect(page.locator(".stage img").first).to_be_visible()


def wait_for_metrics(page: Page) -> None:
    expect(page.get_by_text("Intervals are 95 %, over parts.")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("So far: the comparison goes on.")).to_have_count(0, timeout=60_000)


def cells(page: Page, row: str) -> list[str]:
    return [
        text.split(" ")[0]
        for text in page.locator("table.blemish-decision tr", has_text=row)
        .locator("b")
        .all_inner_texts()
    ]


def fair_scenes() -> list[workshop.Drawn]:
    """The test images that neither training has seen."""
    return [workshop.scene(n) for n in range(24) if n not in workshop.TRAINED_ON]


def models(dashboard: Dashboard) -> dict[int, Segmenter]:
    registry = Registry.connect(workspace=dashboard.shop)
    return {v.version: Segmenter.from_bytes(registry.model_bytes(v)) for v in registry.versions()}


def test_a_link_opens_the_same_comparison(page: Page, dashboard: Dashboard) -> None:
    """Versions, image and thresholds of a link are what the page shows."""
    open_compare(page, dashboard, "?a=3&b=2&image=metal-010&ta=0.600")
    expect(page.get_by_text("metal-010 · 128 x 128")).to_be_visible()
    expect(page.get_by_text("A: version 3, heatmap")).to_be_visible()
    expect(page.get_by_text("B: version 2, heatmap")).to_be_visible()
    expect(page.get_by_role("slider", name="Threshold A")).to_have_value("0.6")


def test_references_that_no_longer_resolve_are_said(page: Page, dashboard: Dashboard) -> None:
    """Whatever an old link names in vain is said, and stays said after the comparison ended."""
    open_compare(page, dashboard, "?a=99&b=3&ta=7&class=rust&image=gone&sort=x&result=y")
    wait_for_metrics(page)
    for text in (
        "The address names 99 as Version A, which is not there",
        "The address names 7 as Threshold A",
        "The address names rust as Class",
        "The address names the image gone, which is not among these images",
        "The address names x as Sort by",
        "The address names y as result",
    ):
        expect(page.get_by_text(text).filter(visible=True)).to_have_count(1)


def test_what_is_chosen_stands_in_the_address(page: Page, dashboard: Dashboard) -> None:
    """Choosing another version changes the address, and loading that address shows it again."""
    open_compare(page, dashboard)
    page.get_by_role("combobox", name="Version B").click()
    page.get_by_role("option", name="Version 4, int8", exact=True).click()
    expect(page).to_have_url(re.compile("b=4"))
    page.reload()
    expect(page.get_by_text("B: version 4, heatmap")).to_be_visible()


def test_escapes_and_false_alarms_follow_thresholds_and_filters(
    page: Page, dashboard: Dashboard
) -> None:
    """At three thresholds and two filters the table is what marking every image by hand gives.

    Images that a version was trained on are not counted, which is said, and are listed apart. A
    click on a cell of the matrix lists its images.
    """
    found = models(dashboard)
    scenes = fair_scenes()
    maps = {v: [found[v].probability(one.plane) for one in scenes] for v in (1, 3)}
    for threshold in ("0.700", "0.850", "0.990"):
        for query, kept in (
            ("", scenes),
            ("&class=pit", [s for s in scenes if "pit" in dict(s.regions)]),
        ):
            open_compare(page, dashboard, f"?a=1&b=3&ta={threshold}&tb={threshold}{query}")
            wait_for_metrics(page)
            called = {
                v: {
                    one.name: bool((maps[v][n] >= np.float32(threshold)).any())
                    for n, one in enumerate(scenes)
                }
                for v in (1, 3)
            }
            defective = [one.name for one in kept if one.regions]
            clean = [one.name for one in kept if not one.regions]
            missed = [str(sum(not called[v][name] for name in defective)) for v in (1, 3)]
            flagged = [str(sum(called[v][name] for name in clean)) for v in (1, 3)]
            assert cells(page, "Defective parts missed")[:2] == missed
            assert cells(page, "Defect-free parts flagged")[:2] == (
                flagged if clean else ["no", "no"][:0]
            )
            caption = f"{len(kept)} images of {len(kept)} parts"
            expect(page.get_by_text(re.compile(caption))).to_be_visible()
            unfair = 2 if not query else 1
            expect(page.get_by_text(f"{unfair} of {len(kept) + unfair} images")).to_be_visible()
    open_compare(page, dashboard, "?a=1&b=3&ta=0.850&tb=0.850")
    wait_for_metrics(page)
    called = {v: [bool((m >= np.float32(0.85)).any()) for m in maps[v]] for v in (1, 3)}
    cell = [n for n, s in enumerate(scenes) if s.regions and called[1][n] and called[3][n]]
    page.get_by_role("button", name=f"Both find: {len(cell)}").click()
    expect(page.get_by_text(f"1 of {len(cell)}")).to_be_visible()
    expect(page).to_have_url(re.compile("result=defective-called-called"))
    page.get_by_text("Left out (2)", exact=True).click()
    expect(page.get_by_text("1 of 2", exact=True)).to_be_visible()
    expect(page.get_by_text("left out: A was trained on this part")).to_have_count(2)


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


def test_panes_zoom_together(page: Page, dashboard: Dashboard) -> None:
    """Scrolling over one pane gives every pane the same zoom and place; 0 brings the whole back."""
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


def test_panes_fit_one_screen_wipe_and_stand_in_pairs_on_a_telephone(
    page: Page, dashboard: Dashboard
) -> None:
    """At 1440 x 900 all six panes, the caption and the key of colours are seen at once.

    "Large" shows one pane with a wipe from A to B; at 390 pixels two panes stand in a row.
    """
    page.set_viewport_size({"width": 1440, "height": 900})
    open_compare(page, dashboard, "?a=1&b=3&image=metal-010")
    wait_for_metrics(page)
    expect(page.locator("figure")).to_have_count(6)
    page.get_by_role("button", name="Zoom in").evaluate(
        "one => one.getRootNode().host.scrollIntoView({block: 'center'})"
    )
    page.wait_for_timeout(300)
    seen = [*page.locator("figure").all(), page.locator(".blemish-legend")]
    seen.append(page.get_by_text("metal-010 · 128 x 128"))
    for one in seen:
        expect(one).to_be_in_viewport(ratio=0.99)
    page.get_by_role("button", name="One large image").click()
    expect(page.locator("figure")).to_have_count(1)
    page.get_by_role("slider", name="Wipe").fill("25")
    cut = page.locator("img.wipe-a").evaluate("one => one.style.clipPath")
    other = page.locator("img.wipe-b").evaluate("one => one.style.clipPath")
    assert (cut, other) == ("inset(0px 75% 0px 0px)", "inset(0px 0px 0px 25%)")
    page.get_by_role("slider", name="Brightness").fill("150")
    assert "brightness(150%)" in page.locator("img.base").evaluate("one => one.style.filter")
    page.get_by_role("button", name="One large image").click()
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator("figure")).to_have_count(6)
    page.wait_for_timeout(300)
    boxes = [one.bounding_box() for one in page.locator("figure").all()]
    rows = [round(box["y"]) for box in boxes if box]
    assert sorted(rows.count(y) for y in set(rows)) == [2, 2, 2]


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

    A broken one shows the decode gate's reason, word for word.
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


def test_the_report_is_one_file_that_runs_nothing(
    page: Page, dashboard: Dashboard, visit: Visit
) -> None:
    """The report holds metrics and images, and opens without asking for anything."""
    open_compare(page, dashboard, "?a=1&b=3&image=metal-010&ta=0.850")
    wait_for_metrics(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Report").click()
    path = download.value.path()
    visit.asked.clear()
    report = path.read_text(encoding="utf-8")
    assert "Threshold used here</td><td>0.8500</td><td>0.4500" in report
    page.set_content(report)
    expect(
        page.get_by_role("heading", name="Comparison of A: version 1 and B: version 3")
    ).to_be_visible()
    assert page.locator("img").count() == 8 * 6
    assert [url for url in visit.asked if not url.startswith("data:")] == []


def test_curves_and_versions_are_shown(page: Page, dashboard: Dashboard) -> None:
    """The curves of both versions and the parameters that differ are a click away."""
    open_compare(page, dashboard, "?a=1&b=3")
    wait_for_metrics(page)
    page.get_by_role("tab", name="Curves").click()
    expect(page.get_by_text("Precision and recall", exact=True)).to_be_visible()
    expect(
        page.locator(
            "[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg"
        ).first
    ).to_be_visible()
    page.get_by_role("tab", name=re.compile("Versions$")).click()
    expect(page.get_by_text(re.compile("Parameters that differ \\(1 of"))).to_be_visible()
    page.get_by_role("tab", name="All versions").click()
    row = page.locator("table.all tr", has_text="3, fp32")
    scenes, found = fair_scenes(), models(dashboard)
    calls = {v: [bool(found[v].predict(s.plane).mask.any()) for s in scenes] for v in (1, 3)}
    missed = {
        v: sum(not call for call, s in zip(calls[v], scenes, strict=True) if s.regions)
        for v in (1, 3)
    }
    total = sum(bool(s.regions) for s in scenes)
    expect(row).to_contain_text(f"{missed[3]} of {total}", timeout=60_000)
    expect(row).to_contain_text(f"against {missed[1]}")
    expect(row).to_contain_text("2 images left out")


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


def with_bars(count: int, depth: int) -> NDArray[np.uint8]:
    """Draw up to three bars that are darker than the plate by so many grey levels."""
    plane = np.full((workshop.SIDE, workshop.SIDE), 150, np.uint8)
    for bar in range(1 + count % 3):
        plane[20 + 40 * bar : 24 + 40 * bar, 20:100] -= depth
    return plane


def test_two_scoring_jobs_are_compared_by_result_count_and_pixel(
    page: Page, dashboard: Dashboard, tmp_path: Path
) -> None:
    """What stands on the page is what predicting every image with both models gives.

    A folder without a job is refused in a sentence; the address shows the same jobs again.
    """
    planes = [with_bars(index, depth) for index, depth in enumerate([0, 5, 18, 30] * 3)]
    (tmp_path / "in").mkdir()
    for index, plane in enumerate(planes):
        cv2.imwrite(str(tmp_path / "in" / f"{index:02}.png"), plane)
    both, said = models(dashboard), []
    registry = Registry.connect(workspace=dashboard.shop)
    for name, number in (("a", 1), ("b", 3)):
        model = tmp_path / f"{name}.onnx"
        model.write_bytes(registry.model_bytes(registry.resolve(number)))
        run_job(tmp_path / "in", tmp_path / name, model, masks="all")
        said.append([both[number].predict(plane) for plane in planes])
    pairs = list(zip(*said, strict=True))
    matrix = Counter((bool(a.defect_count), bool(b.defect_count)) for a, b in pairs)
    assert len(matrix) == 3, "the second model is blind to what is faint"
    overlap = sum(int((a.mask & b.mask).sum()) for a, b in pairs)
    overlap /= sum(int((a.mask | b.mask).sum()) for a, b in pairs)

    page.goto(f"{dashboard.url}/?of=jobs&joba={tmp_path / 'a'}")
    expect(page.get_by_text("Name the output folders of two scoring jobs")).to_be_visible()
    field = page.get_by_role("textbox", name="Job B")
    field.fill(str(tmp_path))
    field.press("Enter")
    expect(page.get_by_text("holds no scoring job: there is no job.json")).to_be_visible()
    field.fill(str(tmp_path / "b"))
    field.press("Enter")
    for _ in range(2):
        table = page.locator("table.blemish-jobs")
        expect(table).to_be_visible()
        assert list(map(int, table.locator("b").all_inner_texts())) == [
            matrix[a, b] for a in (True, False) for b in (True, False)
        ]
        same = matrix[True, True] + matrix[False, False]
        counts = sum(a.defect_count == b.defect_count for a, b in pairs)
        expect(page.get_by_text(f"{same} of {len(planes)} images").first).to_be_visible()
        expect(page.get_by_text(f"{counts} of {len(planes)} images").last).to_be_visible()
        expect(page.get_by_test_id("stMetricValue").nth(2)).to_have_text(f"{overlap:.3f}")
        differing = len(planes) - same
        expect(page.get_by_text(f"{differing} images have another result")).to_be_visible()
        page.reload()


def test_a_threshold_is_saved_as_a_candidate(page: Page, dashboard: Dashboard) -> None:
    """Chosen on validation images it is a version of its own; on test images there is a warning.

    Nobody has to know a step before: the button waits for a slider to move.
    """
    registry = Registry.connect(workspace=dashboard.shop)
    open_compare(page, dashboard, "?a=1&b=3")
    wait_for_metrics(page)
    expect(page.get_by_role("button", name="Save threshold")).to_be_disabled()
    open_compare(page, dashboard, "?a=1&b=3&tb=0.700")
    wait_for_metrics(page)
    page.get_by_role("button", name="Save threshold").click()
    expect(page.get_by_text("The gate will refuse the new version")).to_be_visible()
    open_compare(page, dashboard, "?a=1&b=3&tb=0.700&on=validation")
    wait_for_metrics(page)
    expect(page.get_by_text("These are validation images")).to_be_visible()
    page.get_by_role("button", name="Save threshold").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("with the threshold 0.700 instead of 0.450")).to_be_visible()
    expect(dialog.get_by_text("The gate will refuse")).to_have_count(0)
    fill_in(page, reason="Fewer false alarms")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Version 5 has the network of version 3")).to_be_visible()
    made = registry.resolve("candidate")
    assert (made.version, made.threshold) == (5, 0.7)
    assert made.tags["derived_from"].startswith("3/")
    assert made.tags["point_chosen_on"] == "validation"
