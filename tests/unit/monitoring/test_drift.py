"""Drift: how often it is claimed where there is none, and how soon it is noticed where there is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from blemish.arrays import Plane
from blemish.config import load_params
from blemish.image_statistics import ImageStatistics, image_statistics, summarise
from blemish.monitoring.drift import (
    Reference,
    compare,
    population_stability_index,
    read_references,
)
from blemish.synthesis.scene import draw

PARAMS = load_params(Path(__file__).parents[3] / "params.yaml")
RATE = PARAMS.monitor.drift.false_alarm_rate
MIN_PSI = PARAMS.monitor.drift.min_psi
WINDOW = PARAMS.monitor.drift.window
NOTICED_AFTER = 100  # drifted images in a window of 200
POOL = 700

Numbers = Mapping[str, npt.NDArray[np.float64]]


def flagged(references: Mapping[str, Reference], numbers: Numbers) -> set[str]:
    shifts = compare(references, numbers, false_alarm_rate=RATE, min_psi=MIN_PSI)
    assert shifts
    return {shift.name for shift in shifts if shift.moved}


def as_columns(statistics: Sequence[ImageStatistics]) -> dict[str, npt.NDArray[np.float64]]:
    rows = [asdict(one) for one in statistics]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def take(numbers: Numbers, rows: npt.NDArray[np.intp]) -> Numbers:
    return {name: values[rows] for name, values in numbers.items()}


def references_of(numbers: Numbers) -> dict[str, Reference]:
    found = {}
    for name, values in numbers.items():
        edges = np.quantile(values, np.arange(1, 10) / 10)
        counts = np.bincount(np.digitize(values, edges), minlength=10)
        found[name] = Reference(tuple(edges), tuple(counts.tolist()), float(values.mean()))
    return found


@pytest.mark.parametrize("trained_on", [400, 1_700])
def test_false_alarms_stay_within_the_stated_rate(trained_on: int) -> None:
    """Over 600 undrifted windows, each against training images of its own, 1 % are flagged."""
    rng = np.random.default_rng(11)
    mixing = rng.normal(size=(8, 8))
    names = [f"statistic {number}" for number in range(8)]

    def images(count: int) -> Numbers:
        table = np.exp(0.3 * rng.normal(size=(count, 8)) @ mixing)
        return dict(zip(names, table.T, strict=True))

    alarms = sum(
        bool(flagged(references_of(images(trained_on)), images(WINDOW))) for _ in range(600)
    )
    spread = (RATE * (1 - RATE) / 600) ** 0.5
    assert alarms / 600 <= RATE + 3 * spread


@given(
    st.lists(st.integers(1, 500), min_size=3, max_size=12),
    st.randoms(use_true_random=False),
)
def test_the_index_is_never_negative_and_zero_for_equal_shares(
    counts: list[int], chance: "object"
) -> None:
    """The index of a histogram with itself is 0, with any other at least 0 and symmetric."""
    before = np.array(counts, np.float64)
    after = before[::-1].copy()
    assert population_stability_index(before, before) == 0.0
    assert population_stability_index(before, after) >= 0.0
    assert population_stability_index(before, after) == pytest.approx(
        population_stability_index(after, before)
    )


def test_the_index_follows_the_contingency_test_for_small_changes() -> None:
    """For large samples the index over (1/n + 1/m) equals Pearson's chi-square of the two rows."""
    rng = np.random.default_rng(3)
    before, after = (rng.multinomial(20_000, np.full(10, 0.1)).astype(float) for _ in range(2))
    scaled = population_stability_index(before, after) / (1 / before.sum() + 1 / after.sum())
    assert scaled == pytest.approx(chi2_contingency([before, after])[0], rel=0.01)


def test_a_statistic_without_enough_images_or_reference_is_left_out() -> None:
    """Fewer than 50 known values, or no bins in the model file, give no verdict on a statistic."""
    references = read_references(
        {
            "figures": {
                "brightness": {"edges": [0.5], "counts": [10, 10], "mean": 0.5},
                "classes": [],
            }
        }
    )
    few = np.concatenate([np.full(49, 0.4), np.full(100, np.nan)])
    assert compare(references, {"brightness": few}, false_alarm_rate=RATE, min_psi=MIN_PSI) == ()
    assert read_references({"figures": {"a": {"edges": [], "counts": [9], "mean": 1}}}) == {}


@pytest.fixture(scope="module")
def images() -> list[Plane]:
    """Images as the generator draws them, small for speed."""
    params = PARAMS.generate.model_copy(update={"size": 64})
    return [draw(5, params, index).image for index in range(2 * POOL)]


@pytest.fixture(scope="module")
def training(images: list[Plane]) -> dict[str, Reference]:
    """Statistics of the first half, through the summary that a model file carries."""
    return read_references({"figures": summarise([image_statistics(p) for p in images[:POOL]])})


@pytest.mark.slow
def test_drawn_images_raise_no_alarm(images: list[Plane], training: dict[str, Reference]) -> None:
    """200 windows of the generator's other images are flagged no more often than stated."""
    numbers = as_columns([image_statistics(plane) for plane in images[POOL:]])
    rng = np.random.default_rng(2)
    alarms = sum(
        bool(flagged(training, take(numbers, rng.choice(POOL, WINDOW, replace=False))))
        for _ in range(200)
    )
    assert alarms / 200 <= RATE + 3 * (RATE * (1 - RATE) / 200) ** 0.5


def darker(plane: Plane, _: np.random.Generator) -> Plane:
    return np.asarray(cv2.convertScaleAbs(plane, alpha=0.6), np.uint8)


def blurred(plane: Plane, _: np.random.Generator) -> Plane:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), 1.2), np.uint8)


def noisier(plane: Plane, rng: np.random.Generator) -> Plane:
    return np.clip(plane + rng.normal(0, 12, plane.shape), 0, 255).astype(np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "names"),
    [
        (darker, {"brightness"}),
        (blurred, {"sharpness", "spectrum_4"}),
        (noisier, {"sharpness", "spectrum_4"}),
    ],
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_changed_stream_is_noticed(
    images: list[Plane],
    training: dict[str, Reference],
    change: Callable[[Plane, np.random.Generator], Plane],
    names: set[str],
    seed: int,
) -> None:
    """A hundred darker, blurred or noisier images are noticed, and what moved is named."""
    rng = np.random.default_rng(seed)
    chosen = [images[POOL + index] for index in rng.choice(POOL, WINDOW, replace=False)]
    stream = [change(plane, rng) for plane in chosen[:NOTICED_AFTER]] + chosen[NOTICED_AFTER:]
    moved = flagged(training, as_columns([image_statistics(plane) for plane in stream]))
    assert moved & names


@pytest.mark.slow
@pytest.mark.parametrize(("trained", "arriving"), [("rolled", "cast"), ("cast", "blasted")])
def test_another_surface_is_noticed(trained: str, arriving: str) -> None:
    """Two hundred images of a surface that training never saw are noticed, at their own size.

    At 64 px the statistics of an image are too uncertain to tell cast from blasted metal.
    """
    params = PARAMS.generate

    def images(seed: int, surface: str, count: int) -> list[ImageStatistics]:
        return [
            image_statistics(draw(seed, params, index, surface=surface).image)
            for index in range(count)
        ]

    references = read_references({"figures": summarise(images(5, trained, 300))})
    assert flagged(references, as_columns(images(9, arriving, WINDOW)))
