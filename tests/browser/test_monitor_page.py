"""The page ``/monitor`` in a real browser, with a real API beside it."""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import cv2
import httpx
import numpy as np
import pytest
from browser import workshop
from browser.conftest import Dashboard, running
from integration.log_entries import entry, took
from playwright.sync_api import Page, expect

from blemish.config.environment import Settings
from blemish.monitoring.database import log_url, open_database
from blemish.monitoring.prediction_log import LogEntry, PredictionLog


@pytest.fixture(scope="module")
def api(dashboard: Dashboard) -> Iterator[str]:
    """The API of the shop, where the dashboard looks for it."""
    port = int(dashboard.environment["BLEMISH_API_URL"].rpartition(":")[2])
    with running("serve", dashboard.shop.root, dashboard.environment, "/readyz", port) as url:
        yield url


@pytest.fixture(scope="module")
def log(dashboard: Dashboard) -> Iterator[PredictionLog]:
    """The log that API and dashboard share."""
    path = dashboard.shop.state / "predictions.db"
    engine = open_database(log_url(Settings(log_url=f"sqlite:///{path}")))
    yield PredictionLog(engine)
    engine.dispose()


def requests_shown(page: Page) -> int:
    card = page.get_by_test_id("stMetric").filter(has=page.get_by_text("Requests", exact=True))
    return int(card.get_by_test_id("stMetricValue").inner_text().replace(",", ""))


def test_an_empty_log_says_what_to_do(page: Page, dashboard: Dashboard) -> None:
    """Before any request the page says so and how to make one, and that the API does not answer."""
    page.goto(f"{dashboard.url}/monitor")
    expect(page.get_by_text("No request in this range")).to_be_visible()
    expect(page.get_by_text(re.compile("No server at http"))).to_be_visible()


def test_figures_move_while_requests_come_in(page: Page, dashboard: Dashboard, api: str) -> None:
    """Requests to the API appear by themselves: count, model, images with their defects."""
    page.goto(f"{dashboard.url}/monitor")
    expect(page.get_by_text("Served: version 1")).to_be_visible()
    before = requests_shown(page)
    for index in range(12):
        _, encoded = cv2.imencode(".png", workshop.scene(700 + index).plane)
        answer = httpx.post(
            f"{api}/v1/predict", content=encoded.tobytes(), headers={"Content-Type": "image/png"}
        )
        assert answer.status_code == 200
    refusal = httpx.post(
        f"{api}/v1/predict", content=b"no image", headers={"Content-Type": "image/png"}
    )
    expect(page.get_by_text(re.compile(r"^\d+ defects?, "))).not_to_have_count(0)
    expect(page.get_by_text(refusal.json()["detail"])).to_be_visible()
    expect(page.get_by_text(f"{refusal.json()['title']} (415)")).to_be_visible()
    expect(page.get_by_text(re.compile(r"UTC \(\d\d:\d\d:\d\d JST\)")).first).to_be_visible()
    expect(page.get_by_text("version 1", exact=True)).to_be_visible()
    expect(page.get_by_text("Shadow disagreement")).to_have_count(0)  # no challenger is served
    deadline = time.monotonic() + 45
    while requests_shown(page) < before + 13 and time.monotonic() < deadline:
        page.wait_for_timeout(500)
    assert requests_shown(page) == before + 13
    expect(page.get_by_alt_text(re.compile("Image of the request"))).not_to_have_count(0)


def test_a_prediction_opens_large(page: Page, dashboard: Dashboard, api: str) -> None:
    """A tile opens by a key with its heatmap, has an address, neighbours, and goes to Compare."""
    _, encoded = cv2.imencode(".png", workshop.scene(701).plane)
    for _ in range(2):
        httpx.post(
            f"{api}/v1/predict", content=encoded.tobytes(), headers={"Content-Type": "image/png"}
        ).raise_for_status()
    page.goto(f"{dashboard.url}/monitor?only=defective&version=1")
    opening = page.locator("[class*=st-key-tile-] [class*=st-key-open-] button").first
    opening.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Heatmap")).to_be_visible()
    expect(dialog.get_by_text(re.compile("no API key"))).to_be_visible()
    expect(dialog.get_by_role("button", name="Newer")).to_be_disabled()
    dialog.get_by_role("button", name="Older").click()
    expect(dialog.get_by_role("button", name="Newer")).to_be_enabled()
    expect(page).to_have_url(re.compile(r"prediction=\d+"))
    link = dialog.get_by_test_id("stCode").inner_text().strip()
    compare = dialog.get_by_role("link", name="Open in Compare").get_attribute("href") or ""
    page.goto(link)
    expect(page.get_by_role("dialog").get_by_text("Heatmap")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page).not_to_have_url(re.compile("prediction="))
    page.goto(compare)
    expect(page.get_by_text(re.compile(r"^prediction \d+ · 128 x 128"))).to_be_visible()
    page.goto(f"{dashboard.url}/monitor?prediction=999999")
    expect(page.get_by_text("The log holds no prediction 999999.")).to_be_visible()


def test_an_alarm_is_shown_with_its_rule(
    page: Page, dashboard: Dashboard, log: PredictionLog
) -> None:
    """A burst of refused requests opens the error rate alarm on the page."""
    now = datetime.now(UTC)
    log.write(
        [
            LogEntry(
                time=now, request_id=f"{workshop.HOSTILE}{n}", status=415, error=workshop.HOSTILE
            )
            for n in range(60)
        ]
    )
    page.goto(f"{dashboard.url}/monitor")
    expect(page.get_by_text(re.compile("Error rate since"))).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Acknowledge").first.click()
    page.get_by_label("Your name").fill("Quality <b>engineer</b>")
    page.get_by_role("button", name="Acknowledge this alarm").click()
    expect(page.get_by_text(re.compile("Acknowledged at.* by Quality <b>eng"))).to_be_visible()
    page.get_by_text("Refused or failed", exact=True).click()
    expect(page.get_by_text(f"{workshop.HOSTILE} (415)").first).to_be_visible()
    assert page.locator("img[src=x]").count() == 0


def test_ranges_reach_back(page: Page, dashboard: Dashboard, log: PredictionLog) -> None:
    """A prediction of twenty days ago counts in 30 days and not in 24 hours."""
    log.write(
        [
            LogEntry(time=datetime.now(UTC) - timedelta(days=20), request_id=f"old-{n}", status=200)
            for n in range(1_000)
        ]
    )
    page.goto(f"{dashboard.url}/monitor?range=24h")
    expect(page.get_by_text("Requests", exact=True).first).to_be_visible()
    day = requests_shown(page)
    page.get_by_text("30 days", exact=True).click()
    expect(page).to_have_url(re.compile("range=30d"))
    deadline = time.monotonic() + 45
    while requests_shown(page) < day + 1_000 and time.monotonic() < deadline:
        page.wait_for_timeout(300)
    assert requests_shown(page) == day + 1_000


def test_the_first_paint_is_quick_with_ten_thousand_predictions(
    page: Page, dashboard: Dashboard, log: PredictionLog
) -> None:
    """With 10,000 logged predictions the figures stand within three seconds of opening the page."""
    rng = np.random.default_rng(1)
    now = datetime.now(UTC)
    rows = [
        entry(
            n,
            time=now - timedelta(seconds=float(rng.uniform(0, 3_000))),
            defective=bool(rng.random() < 0.2),
            timing_ms=took(float(rng.uniform(6, 25)), float(rng.uniform(5, 20))),
        )
        for n in range(10_000)
    ]
    for first in range(0, len(rows), 1_000):
        log.write(rows[first : first + 1_000])
    taken = []
    for _ in range(3):
        began = time.monotonic()
        page.goto(f"{dashboard.url}/monitor")
        expect(page.get_by_text("Requests", exact=True).first).to_be_visible()
        taken.append(time.monotonic() - began)
    assert min(taken) <= 3.0
