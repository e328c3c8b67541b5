"""What is said of one image: the body of ``/v1/predict``, and the pictures that go with it.

The command line and the server both answer through :func:`answer`, so they cannot differ.
"""

import base64
import itertools
import time
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from blemish import visualization
from blemish.imaging import DEFAULT_LIMITS, DecodedImage, Limits, decode_image
from blemish.inference import Prediction, Segmenter

Picture = Literal["mask", "heatmap", "overlay"]
PICTURES: tuple[Picture, ...] = get_args(Picture)
PHASES = ("decode", "infer", "post", "total")


@dataclass(frozen=True)
class ModelIdentity:
    """Which model answered."""

    name: str
    version: int | None
    """None for a file that is in no registry."""
    alias: str | None
    """The alias by which it was asked for, if any."""
    precision: str
    fingerprint: str
    git_commit: str | None


@dataclass(frozen=True)
class Answer:
    """All that is said of one image."""

    image: DecodedImage
    prediction: Prediction
    pictures: Mapping[str, bytes]
    """PNG bytes by name, those that were asked for."""
    timing_ms: Mapping[str, float]
    """Milliseconds by phase: decode, infer, post, total."""


def answer(
    data: bytes,
    segmenter: Segmenter,
    *,
    threshold: float | None = None,
    include: Collection[str] = (),
    limits: Limits = DEFAULT_LIMITS,
    bits: int | None = None,
) -> Answer:
    """Decode an image, find its defects and draw what was asked for.

    Args:
        data: The encoded image.
        segmenter: The model.
        threshold: In ``[0, 1]``: marks every pixel from there on; the model's own rule by default.
        include: Names out of ``PICTURES``.
        limits: The largest image to decode.
        bits: Depth of the samples of a 16-bit file that declares none.

    Raises:
        ImageError: The image was refused.
    """
    begin = time.perf_counter()
    image = decode_image(data, limits, bits)
    decoded = time.perf_counter()
    probability = segmenter.probability(image.plane)
    inferred = time.perf_counter()
    prediction = segmenter.judge(probability, threshold)
    pictures = draw(image, prediction, include)
    end = time.perf_counter()
    moments = (begin, decoded, inferred, end)
    spans = [(after - before) * 1e3 for before, after in itertools.pairwise(moments)]
    timing = dict(zip(PHASES, [round(ms, 3) for ms in (*spans, (end - begin) * 1e3)], strict=True))
    return Answer(image, prediction, pictures, timing)


def draw(image: DecodedImage, prediction: Prediction, include: Collection[str]) -> dict[str, bytes]:
    """Return the pictures asked for as PNG, each of the size of the image as stored."""
    drawn: dict[str, bytes] = {}
    if "mask" in include:
        drawn["mask"] = visualization.encode_png(prediction.mask)
    if "heatmap" in include:
        drawn["heatmap"] = visualization.encode_png(
            visualization.create_heatmap(prediction.probability)
        )
    if "overlay" in include:
        drawn["overlay"] = visualization.encode_png(
            visualization.overlay_outline(image.plane, prediction.mask)
        )
    return drawn


def prediction_document(
    model: ModelIdentity, said: Answer, include: Collection[str] = ()
) -> dict[str, Any]:
    """Return the body of ``/v1/predict``, ready for JSON.

    Args:
        model: Which model answered.
        said: What it said.
        include: Names of the drawn pictures to put in, base64.
    """
    prediction, image = said.prediction, said.image
    pictures = {
        f"{name}_png": base64.b64encode(said.pictures[name]).decode()
        for name in PICTURES
        if name in include
    }
    return {
        "model": asdict(model),
        "image": {"width": image.width, "height": image.height, "sha256": image.sha256},
        "threshold": prediction.threshold,
        "defective": prediction.defect_count > 0,
        "defect_area_fraction": round(float(prediction.mask.mean()), 9),
        "defect_count": prediction.defect_count,
        "defects": [asdict(defect) for defect in prediction.defects],
        **pictures,
        "warnings": list(image.warnings),
        "timing_ms": dict(said.timing_ms),
    }
