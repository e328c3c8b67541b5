"""Fixed images on which models are compared, edge cases among them, and the comparison."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from blemish.arrays import Map, Mask, Plane
from blemish.metrics import Counts, count
from blemish.operating_point import OperatingPoint, within
from blemish.preprocessing import MODEL_SIZE
from blemish.tiling import predict_tiled

_SEED = 20260713


@dataclass(frozen=True)
class Case:
    """One image to compare models on."""

    name: str
    plane: Plane
    truth: Mask | None = None
    """Where it is known, the images' pooled Dice is compared too."""
    region: Mask | None = None
    """The region of interest, same shape: its pixels alone are compared; None: all are."""

    @property
    def size(self) -> int:
        """Number of pixels that are compared, at least 1."""
        return self.plane.size if self.region is None else max(int(self.region.sum()), 1)

    def answer(self, session: ort.InferenceSession) -> Map:
        """Return a model's probability for the image, as serving computes it."""
        return self.answer_by(lambda batch: session.run(["probability"], {"image": batch})[0])

    def answer_by(self, model: Callable[[npt.NDArray[np.uint8]], Map]) -> Map:
        """Return the probability by any function from a batch of tiles to theirs."""
        return predict_tiled(self.plane, model, tile=MODEL_SIZE)


@dataclass(frozen=True)
class Gap:
    """How far answers lie from those expected."""

    probability: float
    """Largest difference of any pixel; infinite where an answer is not finite."""
    probability_mean: float
    """Mean difference of all pixels; a change of scale shows here though no decision flips."""
    flipped: float
    """Share of all pixels of which one model is beyond the threshold and the other is not."""
    flipped_worst: float
    """The same of the image where it is largest."""
    worst: str
    """Name of that image."""
    dice_change: float
    """Pooled Dice of all pixels beyond the threshold, minus that of the expected answers; 0.0
    without truths."""
    answered: Counts = field(default_factory=Counts)
    """Pixels of the answers' marks against the truth, where there is one."""


class Meter:
    """Measures a gap image by image, so that no more than one map is held at a time.

    Decisions are compared at the threshold, pixel by pixel. The peak keeps or drops whole marks, so
    that rounding in one pixel moves hundreds: that would measure chance, not the models.

    Args:
        point: Which pixels are marked.
    """

    def __init__(self, point: OperatingPoint) -> None:
        self._point = point
        self._largest = self._total = 0.0
        self._pixels = self._flips = 0
        self._worst = (0.0, "none")
        self._before = self._after = self._answered = Counts()

    def add(self, case: Case, expected: Map, answer: Map) -> None:
        """Compare an answer with the one expected, both of the shape of the image."""
        expected, answer = within(expected, case.region), within(answer, case.region)
        difference = np.abs(expected - answer)
        difference[~np.isfinite(difference)] = np.inf
        self._largest = max(self._largest, float(difference.max()))
        self._total += float(difference.sum(dtype=np.float64))
        limit = np.float32(self._point.threshold)
        before, after = expected >= limit, answer >= limit
        flips = int((before != after).sum())
        self._flips += flips
        self._pixels += case.size
        self._worst = max(self._worst, (flips / case.size, case.name))
        if case.truth is not None:
            self._before += count(before, case.truth)
            self._after += count(after, case.truth)
            self._answered += count(self._point.mark(answer), case.truth)

    def gap(self) -> Gap:
        """Return the gap over all images so far."""
        pixels = max(self._pixels, 1)
        return Gap(
            probability=self._largest,
            probability_mean=self._total / pixels,
            flipped=self._flips / pixels,
            flipped_worst=self._worst[0],
            worst=self._worst[1],
            dice_change=self._after.dice - self._before.dice,
            answered=self._answered,
        )


def compare(
    cases: Iterable[Case], expected: Iterable[Map], answers: Iterable[Map], point: OperatingPoint
) -> Gap:
    """Compare answers with those expected, image by image.

    Args:
        cases: The images.
        expected: Probability of each, ``(H, W)``.
        answers: Of the same shapes.
        point: Which pixels are marked.
    """
    meter = Meter(point)
    for case, wanted, given in zip(cases, expected, answers, strict=True):
        meter.add(case, wanted, given)
    return meter.gap()


def edge_cases() -> tuple[Case, ...]:
    """Draw the fixed images: flat, noisy, thin scratches, odd sizes, larger than a tile."""
    return tuple(Case(name, plane) for name, plane in _draw(np.random.default_rng(_SEED)))


def _draw(rng: np.random.Generator) -> Iterator[tuple[str, Plane]]:
    side = MODEL_SIZE
    yield "black", np.zeros((side, side), np.uint8)
    yield "white", np.full((side, side), 255, np.uint8)
    yield "grey", np.full((side, side), 128, np.uint8)
    yield "noise", rng.integers(0, 256, (side, side), dtype=np.uint8)
    yield "ramp", np.tile(np.arange(side, dtype=np.uint8), (side, 1))
    yield "one bright pixel", _with_pixel(np.full((side, side), 60, np.uint8))
    yield "dark scratch", _scratched(_grain(rng, side, side), 20)
    yield "bright scratch", _scratched(_grain(rng, side, side), 250)
    yield "odd size", _scratched(_grain(rng, 61, 97), 20)
    yield "thin strip", _grain(rng, 3, 700)
    yield "single pixel", np.full((1, 1), 77, np.uint8)
    yield "several tiles", _scratched(_grain(rng, 300, 420), 20)


def _grain(rng: np.random.Generator, height: int, width: int) -> Plane:
    """Draw lines along the width, as on rolled metal."""
    rows = rng.normal(0, 6, (height, 1))
    levels = 128 + rows + rng.normal(0, 5, (height, width))
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def _scratched(plane: Plane, level: int) -> Plane:
    """Draw a scratch one pixel wide across the image."""
    height, width = plane.shape
    columns = np.arange(width // 8, width - width // 8)
    rows = np.rint(height * (0.3 + 0.4 * columns / width)).astype(int)
    plane[rows, columns] = level
    return plane


def _with_pixel(plane: Plane) -> Plane:
    plane[plane.shape[0] // 2, plane.shape[1] // 2] = 255
    return plane
