"""The page ``/`` in a real browser: its address, its metrics, its report, a threshold kept."""

import re

import numpy as np
from browser.compare_steps import fair_scenes, models, open_compare, wait_for_metrics
from browser.conftest import Dashboard, Visit, fill_in
from playwright.sync_api import Page, expect

from blemish.dashboard.terms import meaning
from blemish.registry import Registry


def cells(page: Page, row: str) -> list[str]:
    return [
        text.split(" ")[0]
        for text in page.locator("table.blemish-decision tr", has_text=row)
        .locator("b")
        .all_inner_texts()
    ]


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
    click on a cell of the matrix lists its images. A question mark says what a term means.
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
    page.locator("summary[aria-label='What is meant: escape']").press("Enter")
    expect(page.get_by_text(meaning("escape"))).to_be_visible()
    cell = [n for n, s in enumerate(scenes) if s.regions and called[1][n] and called[3][n]]
    page.get_by_role("button", name=f"Both find: {len(cell)}").click()
    expect(page.get_by_text(f"1 of {len(cell)}")).to_be_visible()
    expect(page).to_have_url(re.compile("result=defective-called-called"))
    page.get_by_text("Left out (2)", exact=True).click()
    expect(page.get_by_text("1 of 2", exact=True)).to_be_visible()
    expect(page.get_by_text("left out: A was trained on this part")).to_have_count(2)


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
