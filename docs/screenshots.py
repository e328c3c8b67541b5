"""Makes the images in ``docs/screenshots``: ``python docs/screenshots.py [FOLDER]``.

They show the dashboard on what the pipeline itself made: the store's versions and test images, and
a prediction log of the champion's real answers to them, spread over six hours. The log lies in a
temporary folder and goes with it. With a FOLDER every page is taken in every width and both themes.
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
import numpy as np
from playwright.sync_api import Browser, Page, expect, sync_playwright

from blemish.answers import answer
from blemish.errors import BlemishError, ImageError
from blemish.image_statistics import image_statistics
from blemish.imaging import decode_image
from blemish.inference import Segmenter
from blemish.monitoring.database import open_database
from blemish.monitoring.image_store import ImageStore
from blemish.monitoring.prediction_log import LogEntry, PredictionLog, ServedEntry
from blemish.prediction import ModelIdentity, Prediction
from blemish.registry import Registry, StoredImage, Version
from blemish.visualization import encode_png

FOLDER = Path(__file__).with_name("screenshots")
WIDTHS = {"wide": 1440, "laptop": 1024, "phone": 390}
PAGES = {
    "compare": ("/?a=champion&b=candidate-int8&sort=disagreement", "Sort by"),
    "monitor": ("/monitor?range=6h", "Latest predictions"),
    "models": ("/models", "Lineage"),
    "prediction": ("/monitor?range=6h&prediction=1400", "Link to this prediction"),
    "data": ("/data", "Show masks"),
}
HOURS, REQUESTS = 6, 1_500
_HEIGHT = 1_250
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_OPTIONS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def main(folder: Path, *, every_theme: bool) -> None:
    """Log, serve, look, and leave nothing behind but the images.

    Args:
        folder: Where they go.
        every_theme: Every width in both themes, not the widest alone.
    """
    program = next((found for name in _BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        sys.exit("No Chromium on the path. Install it: sudo apt-get install chromium")
    with tempfile.TemporaryDirectory() as state, sync_playwright() as playwright:
        environment = {
            "BLEMISH_LOG_URL": f"sqlite:///{state}/predictions.db",
            "BLEMISH_LOG_IMAGES": f"{state}/pictures",
        }
        _log_predictions(environment["BLEMISH_LOG_URL"], Path(state) / "pictures")
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
                _look(browser, url, folder / name, width, dark=False)
                if every_theme:
                    _look(browser, url, folder / f"{name}-dark", width, dark=True)
            if not every_theme:
                _look(browser, url, folder / "dark", WIDTHS["wide"], dark=True)
            browser.close()


def _look(browser: Browser, url: str, target: Path, width: int, *, dark: bool) -> None:
    """Take every page as ``PAGE-NAME.png``, where ``target`` ends in the name."""
    context = browser.new_context(
        viewport={"width": width, "height": _HEIGHT},
        color_scheme="dark" if dark else "light",
        timezone_id="Europe/Berlin",
    )
    page = context.new_page()
    for title, (path, awaited) in PAGES.items():
        page.goto(url + path)
        page.get_by_text(awaited).first.wait_for(timeout=120_000)
        _settle(page)
        page.screenshot(path=target.with_name(f"{title}-{target.name}.png"))
    context.close()


def _settle(page: Page) -> None:
    """Wait until the comparison has seen every image and nothing is still to be drawn."""
    for unfinished in (
        page.get_by_test_id("stSkeleton"),
        page.get_by_text("Both versions have seen"),
        page.get_by_text("So far: the comparison goes on."),
        page.get_by_test_id("stSkeleton"),
    ):
        expect(unfinished.filter(visible=True)).to_have_count(0, timeout=300_000)
    page.wait_for_timeout(3_000)


def _log_predictions(url: str, images: Path) -> None:
    """Log the champion's answers as two keys sent them, with a few refusals."""
    registry = Registry.connect()
    version = registry.resolve("champion")
    model = Segmenter.from_bytes(registry.model_bytes(version))
    now, rng = datetime.now(UTC), random.Random(4)  # noqa: S311 - spreads times, keeps no secret
    store = ImageStore(images)
    answers = [_answer(one, version, model, store) for one in registry.test_images(version)]
    entries = []
    for number in range(REQUESTS):
        at = now - timedelta(hours=HOURS * (1 - number / REQUESTS), seconds=rng.uniform(0, 60))
        own: dict[str, Any] = {
            "time": at,
            "request_id": f"{number:032x}",
            "key": rng.choice(("press-1", "press-2")),
        }
        if rng.random() < 0.01:
            entries.append(LogEntry(**own, **_refusal()))
        else:
            prediction, statistics = rng.choice(answers)
            entries.append(
                LogEntry(
                    **own,
                    status=200,
                    version=version.version,
                    prediction=prediction,
                    statistics=statistics,
                )
            )
    engine = open_database(url)
    log = PredictionLog(engine)
    log.write_served(
        ServedEntry(
            time=now - timedelta(hours=HOURS),
            version=version.version,
            alias="champion",
            precision=version.precision,
            statistics=model.card.statistics,
        )
    )
    log.write(entries)
    engine.dispose()


def _refusal() -> dict[str, Any]:
    """Return what the log keeps of a request that sent half of a PNG."""
    try:
        decode_image(encode_png(np.zeros((64, 64), np.uint8))[:60])
    except ImageError as error:
        return {"status": 422, "error": "image", "detail": str(error)}
    raise AssertionError("half of a PNG was decoded")


def _answer(
    image: StoredImage, version: Version, model: Segmenter, images: ImageStore
) -> tuple[Prediction, dict[str, float]]:
    """Return the champion's answer to one test image, and the statistics of the image."""
    data = image.image_path.read_bytes()
    said = answer(data, model)
    identity = ModelIdentity(
        name="blemish",
        version=version.version,
        alias="champion",
        precision=version.precision,
        fingerprint=version.fingerprint,
        git_commit=version.git_commit,
    )
    images.put(said.image.sha256, data)
    mass = float(said.segmentation.probability.mean())
    return said.to_prediction(identity), asdict(image_statistics(said.image.plane)) | {
        "probability_mass": mass
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
    chosen = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    chosen.mkdir(parents=True, exist_ok=True)
    try:
        main(chosen, every_theme=chosen != FOLDER)
    except BlemishError as error:
        sys.exit(f"screenshots: {error}")
