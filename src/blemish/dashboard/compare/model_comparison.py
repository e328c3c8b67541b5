"""Two versions on the same images, one by one, in the background while the page shows the first."""

import base64
from collections.abc import Sequence

import cv2

from blemish.arrays import Plane
from blemish.dashboard.compare.background_job import BackgroundJob
from blemish.dashboard.compare.compared_images import (
    ComparedImage,
    MeasuredImage,
    decide,
    measure,
)
from blemish.dashboard.compare.threshold_levels import ThresholdGrid
from blemish.dashboard.image_collections import ImageCollection, OpenedImage
from blemish.image_digests import plane_digest
from blemish.inference import Segmenter

_THUMB = 72  # pixels


class ModelComparison(BackgroundJob):
    """Runs both versions over a collection in a thread of its own; results grow as it goes.

    Args:
        collection: The images.
        a: The first version's model.
        b: The second version's model.
    """

    def __init__(self, collection: ImageCollection, a: Segmenter, b: Segmenter) -> None:
        super().__init__("comparison")
        self.collection = collection
        self._models = (a, b)
        self.grid = ThresholdGrid([a.card.point.threshold, b.card.point.threshold])
        """The thresholds at which results can be had."""
        self._measured: list[MeasuredImage] = []
        self._decided: tuple[tuple[int, int, int], list[ComparedImage]] = (0, 0, 0), []
        self.start()

    @property
    def measured(self) -> tuple[MeasuredImage, ...]:
        """The images seen so far, in the collection's order."""
        return tuple(self._measured)

    @property
    def seen(self) -> int:
        """How many images both versions have seen."""
        return len(self._measured)

    @property
    def total(self) -> int:
        """How many images there are."""
        return len(self.collection)

    def at(self, thresholds: Sequence[float]) -> list[ComparedImage]:
        """Return the images seen so far at a threshold for A and one for B."""
        a, b = (self.grid.index(threshold) for threshold in thresholds)
        measured = self.measured
        key, decided = self._decided
        if key != (a, b, len(measured)):  # else a step to the next image asks again
            key, decided = (a, b, len(measured)), [decide(one, (a, b)) for one in measured]
            self._decided = key, decided
        return list(decided)

    def work(self) -> None:
        """Have both versions look at every image."""
        for index in range(len(self.collection.entries)):
            if self.stopped:
                return
            self._measured.append(self._see(index, self.collection.image(index)))

    def _see(self, index: int, image: OpenedImage) -> MeasuredImage:
        a, b = (
            self.grid.levels(
                model.probability(image.plane, prepared=image.prepared), model.card.point.peak
            )
            for model in self._models
        )
        return measure(
            index,
            self.collection.entries[index],
            (a, b),
            image.truth,
            thumbnail=_thumbnail(image.plane),
            digest=plane_digest(image.plane),
        )


def _thumbnail(plane: Plane) -> str:
    scale = _THUMB / max(plane.shape)
    size = tuple(max(1, round(side * scale)) for side in plane.shape[::-1])
    small = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 70])
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode("ascii")
