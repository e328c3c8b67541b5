"""From the bytes of an image to what is said of it, and the renderings that go with it.

The command line and the server both answer through :func:`answer`, so they cannot differ.
"""

import base64
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from blemish import visualization
from blemish.imaging import DEFAULT_LIMITS, DecodedImage, Limits, decode_image
from blemish.inference import Segmentation, Segmenter
from blemish.interruption import Interruption
from blemish.prediction import (
    RENDERINGS,
    ImageIdentity,
    ModelIdentity,
    Prediction,
    Timing,
)


@dataclass(frozen=True)
class Answer:
    """All that was computed for one image."""

    image: DecodedImage
    segmentation: Segmentation
    renderings: Mapping[str, bytes]
    """PNG bytes by name, those that were asked for."""
    timing: Timing

    def to_prediction(self, model: ModelIdentity, include: Collection[str] = ()) -> Prediction:
        """Return the prediction as it is sent, written and logged.

        Args:
            model: Which model answered.
            include: Names of the renderings to put in, base64.
        """
        found, image = self.segmentation, self.image
        rendered = {
            f"{name}_png": base64.b64encode(self.renderings[name]).decode()
            for name in RENDERINGS
            if name in include
        }
        return Prediction(
            model=model,
            image=ImageIdentity(width=image.width, height=image.height, sha256=image.sha256),
            threshold=found.threshold,
            defective=found.defect_count > 0,
            defect_area_fraction=round(float(found.mask.mean()), 9),
            defect_count=found.defect_count,
            defects=found.defects,
            **rendered,
            warnings=image.warnings,
            timing_ms=self.timing,
        )


def answer(
    data: bytes,
    segmenter: Segmenter,
    *,
    threshold: float | None = None,
    include: Collection[str] = (),
    limits: Limits = DEFAULT_LIMITS,
    bits: int | None = None,
    interruption: Interruption | None = None,
) -> Answer:
    """Decode an image, find its defects and draw what was asked for.

    Args:
        data: The encoded image.
        segmenter: The model.
        threshold: In ``[0, 1]``: marks every pixel from there on; the model's own rule by default.
        include: Names out of ``RENDERINGS``.
        limits: The largest image to decode.
        bits: Depth of the samples of a 16-bit file that declares none.
        interruption: By which another thread may end it.

    Raises:
        ImageError: The image was refused.
        ModelOutputError: The model answered by values that are no probabilities.
        InferenceInterruptedError: Another thread ended it.
    """
    begin = time.perf_counter()
    image = decode_image(data, limits, bits)
    decoded = time.perf_counter()
    probability = segmenter.probability(image.plane, interruption=interruption)
    inferred = time.perf_counter()
    segmentation = segmenter.judge(probability, threshold)
    renderings = render(image, segmentation, include)
    end = time.perf_counter()
    timing = Timing(
        decode=_milliseconds(begin, decoded),
        infer=_milliseconds(decoded, inferred),
        post=_milliseconds(inferred, end),
        total=_milliseconds(begin, end),
    )
    return Answer(image, segmentation, renderings, timing)


def _milliseconds(begin: float, end: float) -> float:
    return round((end - begin) * 1e3, 3)


def render(
    image: DecodedImage, segmentation: Segmentation, include: Collection[str]
) -> dict[str, bytes]:
    """Return the renderings asked for as PNG, each of the size of the image as stored."""
    rendered: dict[str, bytes] = {}
    if "mask" in include:
        rendered["mask"] = visualization.encode_png(segmentation.mask)
    if "heatmap" in include:
        rendered["heatmap"] = visualization.encode_png(
            visualization.create_heatmap(segmentation.probability)
        )
    if "overlay" in include:
        rendered["overlay"] = visualization.encode_png(
            visualization.overlay_outline(image.plane, segmentation.mask)
        )
    return rendered
