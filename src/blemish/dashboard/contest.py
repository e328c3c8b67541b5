"""Two versions on one album, image by image, in the background while the page shows the first."""

import base64
import threading

import cv2

from blemish.dashboard.albums import Album, Entry, Picture
from blemish.dashboard.verdicts import Bout, Figure, figures
from blemish.inference import Segmenter
from blemish.metrics import Counts, Sweep, ThresholdHistogram, count
from blemish.operating_point import LEVELS

_THUMB = 72  # pixels


class Contest:
    """Runs both versions over an album in a thread of its own; results grow as it goes.

    Args:
        album: The pictures.
        a: The first version's model.
        b: The second's.
    """

    def __init__(self, album: Album, a: Segmenter, b: Segmenter) -> None:
        self.album = album
        self._models = (a, b)
        self._bouts: list[Bout] = []
        self.histograms = (ThresholdHistogram(), ThresholdHistogram())
        """Pixels by the highest threshold that marks them, where there is truth."""
        self.figures: tuple[Figure, ...] = ()
        """Pooled figures with intervals, once every image was seen."""
        self.error: Exception | None = None
        """Why it stopped, if it did."""
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="contest", daemon=True)
        self._thread.start()

    @property
    def bouts(self) -> tuple[Bout, ...]:
        """The results so far, in the album's order."""
        return tuple(self._bouts)

    @property
    def done(self) -> bool:
        """Whether every image was seen, or the contest stopped."""
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
            for index, entry in enumerate(self.album.entries):
                if self._stopped.is_set():
                    return
                self._bouts.append(self._fight(index, entry, self.album.picture(index)))
            self.figures = figures(self._bouts)
        except Exception as error:  # noqa: BLE001 - a thread's edge: the page shows it
            self.error = error

    def _fight(self, index: int, entry: Entry, picture: Picture) -> Bout:
        probabilities = [
            model.probability(picture.plane, prepared=picture.prepared) for model in self._models
        ]
        masks = [
            model.judge(probability).mask
            for probability, model in zip(probabilities, self._models, strict=True)
        ]
        counts: list[Counts | None] = [None, None]
        if picture.truth is not None:
            counts = [count(mask, picture.truth) for mask in masks]
            for histogram, probability, model in zip(
                self.histograms, probabilities, self._models, strict=True
            ):
                histogram.add(model.card.point.reach(probability), picture.truth)
        return Bout(
            index=index,
            entry=entry,
            disagreement=float((masks[0] != masks[1]).mean()),
            a=counts[0],
            b=counts[1],
            area=float((masks[0] if picture.truth is None else picture.truth).mean()),
            thumbnail=_thumbnail(picture),
        )


def _thumbnail(picture: Picture) -> str:
    scale = _THUMB / max(picture.plane.shape)
    size = tuple(max(1, round(side * scale)) for side in picture.plane.shape[::-1])
    small = cv2.resize(picture.plane, size, interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 70])
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode("ascii")
