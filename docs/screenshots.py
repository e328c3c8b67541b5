"""Makes the pictures in ``docs/screenshots``: ``python docs/screenshots.py``.

They show the dashboard on what the pipeline itself made: the store's versions and test images, and
a prediction log of the champion's real answers to them, spread over six hours. The log lies in a
temporary folder and goes with it.
"""

import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

from blemish.errors import BlemishError
from blemish.files import sha256_bytes
from blemish.image_statistics import image_statistics
from blemish.inference import Segmenter
from blemish.monitoring.database import open_database
from blemish.monitoring.image_store import ImageStore
from blemish.monitoring.prediction_log import PredictionLog, PredictionRecord, ServedRecord
from blemish.registry import Registry, StoredImage, Version

FOLDER = Path(__file__).with_name("screenshots")
WIDTHS = {"wide": 1440, "laptop": 1024, "tablet": 768}
PAGES = {
    "compare": ("/?a=champion&b=candidate-int8&sort=disagreement", "B minus A, paired"),
    "monitor": ("/monitor?range=6h", "Latest predictions"),
    "models": ("/models", "Lineage"),
    "data": ("/data", "Show masks"),
}
HOURS, REQUESTS = 6, 1_500
_HEIGHT = 1_250
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_OPTIONS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def main() -> None:
    """Log, serve, look, and leave nothing behind but the pictures."""
    program = next((found for name in _BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        sys.exit("No Chromium on the path. Install it: sudo apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        environment = {
            "BLEMISH_LOG_URL": f"sqlite:///{folder}/predictions.db",
            "BLEMISH_LOG_PICTURES": f"{folder}/pictures",
        }
        _log_predictions(environment["BLEMISH_LOG_URL"], Path(folder) / "pictures")
        port = _free_port()
        with (
            _running("serve", port, environment, "/livez"),
            _running(
                "dashboard",
                _free_port(),
                environment | {"BLEMISH_API_URL": f"http://127.0.0.1:{port}"},
                "/_stcore/health",
            ) as url,
        ):
            browser = playwright.chromium.launch(executable_path=program, args=_OPTIONS)
            for name, width in WIDTHS.items():
                _look(browser, url, name, width, dark=False)
            _look(browser, url, "dark", WIDTHS["wide"], dark=True)
            browser.close()


def _look(browser: Browser, url: str, name: str, width: int, *, dark: bool) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": _HEIGHT}, color_scheme="dark" if dark else "light"
    )
    page = context.new_page()
    for title, (path, awaited) in PAGES.items():
        page.goto(url + path)
        page.get_by_text(awaited).first.wait_for(timeout=120_000)
        _settle(page)
        page.screenshot(path=FOLDER / f"{title}-{name}.png")
    context.close()


def _settle(page: Page) -> None:
    """Wait until the comparison has seen every image and the charts stand."""
    progress = page.get_by_text("Both versions have seen")
    while progress.count():
        page.wait_for_timeout(500)
    page.wait_for_timeout(3_000)


def _log_predictions(url: str, pictures: Path) -> None:
    registry = Registry.connect()
    version = registry.resolve("champion")
    model = Segmenter.from_bytes(registry.model_bytes(version))
    images = registry.test_images(version)
    now, rng = datetime.now(UTC), random.Random(4)  # noqa: S311 - spreads times, keeps no secret
    answers = [_answer(image, version, model, ImageStore(pictures)) for image in images]
    records = []
    for number in range(REQUESTS):
        at = now - timedelta(hours=HOURS * (1 - number / REQUESTS), seconds=rng.uniform(0, 60))
        if rng.random() < 0.01:
            refused = PredictionRecord(
                time=at, request_id=f"{number}", status=415, error="image-type"
            )
            records.append(refused)
            continue
        values = rng.choice(answers)
        records.append(PredictionRecord(time=at, request_id=f"{number}", **values))
    engine = open_database(url)
    log = PredictionLog(engine)
    log.write_served(
        ServedRecord(
            time=now - timedelta(hours=HOURS),
            version=version.version,
            alias="champion",
            precision=version.precision,
            statistics=model.card.statistics,
        )
    )
    log.write(records)
    engine.dispose()


def _answer(
    image: StoredImage, version: Version, model: Segmenter, pictures: ImageStore
) -> dict[str, Any]:
    """Return what the log keeps of the champion's answer to one test image."""
    data = image.image_path.read_bytes()
    plane = image.plane()
    began = time.perf_counter()
    found = model.predict(plane)
    infer = 1e3 * (time.perf_counter() - began)
    name = sha256_bytes(data)
    pictures.put(name, data)
    return {
        "status": 200,
        "version": version.version,
        "alias": "champion",
        "precision": version.precision,
        "width": plane.shape[1],
        "height": plane.shape[0],
        "image_sha256": name,
        "threshold": found.threshold,
        "defective": bool(found.defects),
        "defect_area_fraction": float(found.mask.mean()),
        "defects": [
            {"bbox": [int(edge) for edge in one.bbox], "area_px": int(one.area_px)}
            for one in found.defects
        ],
        "timing_ms": {"decode": 0.8, "infer": infer, "post": 0.4, "total": infer + 1.2},
        "statistics": asdict(image_statistics(plane))
        | {"probability_mass": float(found.probability.mean())},
    }


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def _running(command: str, port: int, environment: dict[str, str], health: str) -> Iterator[str]:
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "blemish", command, "--port", str(port)],
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(240):
            try:
                httpx.get(url + health, timeout=1).raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.25)
        yield url
    finally:
        process.terminate()
        process.wait(20)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    try:
        main()
    except BlemishError as error:
        sys.exit(f"screenshots: {error}")
