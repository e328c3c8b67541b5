"""Two scoring jobs on the page ``/``."""

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
from browser import workshop
from browser.compare_steps import models
from browser.conftest import Dashboard
from integration.scoring_jobs import run_job
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

from blemish.registry import Registry


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
