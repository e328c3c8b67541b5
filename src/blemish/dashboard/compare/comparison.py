"""Two versions on the same images, one by one, in the background while the page shows the first."""

import base64
import threading

import cv2

from blemish.dashboard.compare.paired_metrics import ComparedImage, PairedMetric, paired_metrics
from blemish.dashboard.image_collections import ImageCollection, ImageEntry, OpenedImage
from blemish.inference import Segmenter
from blemish.metrics import Counts, Sweep, ThresholdHistogram, count
from blemish.operating_point import LEVELS

_THUMB = 72  # pixels


class Comparison:
    """Runs both versions over a collection in a thread of its own; results grow as it goes.

    Args:
        collection: The images.
        a: The first version's model.
        b: The second's.
    """

    def __init__(self, collection: ImageCollection, a: Segmenter, b: Segmenter) -> None:
        self.collection = collection
        self._models = (a, b)
        self._results: list[ComparedImage] = []
        self.histograms = (ThresholdHistogram(), ThresholdHistogram())
        """Pixels by the highest threshold that marks them, where there is truth."""
        self.paired_metrics: tuple[PairedMetric, ...] = ()
        """Pooled metrics with intervals, once every image was seen."""
        self.error: Exception | None = None
        """Why it stopped, if it did."""
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="comparison", daemon=True)
        self._thread.start()

    @property
    def compared(self) -> tuple[ComparedImage, ...]:
        """The results so far, in the collection's order."""
        return tuple(self._results)

    @property
    def done(self) -> bool:
        """Whether every image was seen, or the comparison stopped."""
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Give up; called when nobody looks any more."""
        self._stopped.set()

    def wait(self, seconds: float) -> bool:
        """Wait for the end, at most for ``seconds``; return whether it came."""
        self._thread.join(seconds)
        return self.done

    @property
    def sweeps(self) -> list[Sweep]:
        """What each threshold would give either version, its peak kept."""
        return [histogram.sweep(len(LEVELS) + 1) for histogram in self.histograms]

    def _run(self) -> None:
        try:
            for index, entry in enumerate(self.collection.entries):
                if self._stopped.is_set():
                    return
                self._results.append(self._compare(index, entry, self.collection.image(index)))
            self.paired_metrics = paired_metrics(self._results)
        except Exception as error:  # noqa: BLE001 - a thread's edge: the page shows it
            self.error = error

    def _compare(self, index: int, entry: ImageEntry, image: OpenedImage) -> ComparedImage:
        probabilities = [
            model.probability(image.plane, prepared=image.prepared) for model in self._models
        ]
        masks = [
            model.judge(probability).mask
            for probability, model in zip(probabilities, self._models, strict=True)
        ]
        counts: list[Counts | None] = [None, None]
        if image.truth is not None:
            counts = [count(mask, image.truth) for mask in masks]
            for histogram, probability, model in zip(
                self.histograms, probabilities, self._models, strict=True
            ):
                histogram.add(model.card.point.reach(probability), image.truth)
        return ComparedImage(
            index=index,
            entry=entry,
            disagreement=float((masks[0] != masks[1]).mean()),
            a=counts[0],
            b=counts[1],
            area=float((masks[0] if image.truth is None else image.truth).mean()),
            thumbnail=_thumbnail(image),
        )


def _thumbnail(image: OpenedImage) -> str:
    scale = _THUMB / max(image.plane.shape)
    size = tuple(max(1, round(side * scale)) for side in image.plane.shape[::-1])
    small = cv2.resize(image.plane, size, interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 70])
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode("ascii")
