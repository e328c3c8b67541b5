"""What is said of one image, as the command line and the server both say it."""

import base64
import io
import json

import numpy as np
import pytest
from faulty_images import encode
from integration.server.tiny_models import tiny_model
from PIL import Image

from blemish.answers import answer
from blemish.inference import Segmenter, golden_image
from blemish.prediction import RENDERINGS, ModelIdentity, Prediction

MODEL = ModelIdentity(
    name="blemish",
    version=3,
    alias="champion",
    precision="fp32",
    fingerprint="f" * 64,
    git_commit="c0ffee",
)


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    """A model that marks what is dark."""
    return Segmenter.from_bytes(tiny_model())


def test_the_document_has_the_promised_members(segmenter: Segmenter) -> None:
    """Every member of the contract is there, in its order, and is plain JSON."""
    said = answer(encode(golden_image(256)), segmenter)
    document = json.loads(said.to_prediction(MODEL).to_json())
    assert document["model"] == {
        "name": "blemish",
        "version": 3,
        "alias": "champion",
        "precision": "fp32",
        "fingerprint": "f" * 64,
        "git_commit": "c0ffee",
    }
    assert set(document["image"]) == {"width", "height", "sha256"}
    assert set(document["timing_ms"]) == {"decode", "infer", "post", "total"}
    assert document["warnings"] == []
    assert document["defective"] is True
    assert set(document["defects"][0]) == {
        "bbox",
        "area_px",
        "centroid",
        "length_px",
        "width_px",
        "orientation_deg",
        "mean_probability",
        "max_probability",
    }
    assert document["warnings"] == []
    assert not any(key.endswith("_png") for key in document)


def test_a_row_holds_the_whole_prediction(segmenter: Segmenter) -> None:
    """What goes into a table comes out of it as it was; renderings stay behind."""
    said = answer(encode(golden_image(256)), segmenter, include=RENDERINGS)
    row = said.to_prediction(MODEL, RENDERINGS).to_row()
    assert Prediction.from_row(row) == said.to_prediction(MODEL)
    assert Prediction.model_validate_json(
        said.to_prediction(MODEL).to_json()
    ) == said.to_prediction(MODEL)


def test_images_have_the_size_of_the_image(segmenter: Segmenter) -> None:
    """Mask, heatmap and overlay are drawn when asked for, at the size of the image as stored."""
    said = answer(encode(golden_image(256)[:100]), segmenter, include=RENDERINGS)
    prediction = said.to_prediction(MODEL, RENDERINGS)
    for name in RENDERINGS:
        image = Image.open(io.BytesIO(base64.b64decode(getattr(prediction, f"{name}_png"))))
        assert image.size == (256, 100)
    mask = np.asarray(Image.open(io.BytesIO(said.renderings["mask"])))
    np.testing.assert_array_equal(mask, said.segmentation.mask * np.uint8(255))


def test_nothing_found_is_said_so(segmenter: Segmenter) -> None:
    """A white image has no defect, no area and an empty list."""
    said = answer(encode(np.full((9, 9), 255, np.uint8)), segmenter).to_prediction(MODEL)
    assert (said.defective, said.defects, said.defect_area_fraction) == (False, (), 0.0)


def test_the_parts_make_up_the_time(segmenter: Segmenter) -> None:
    """The phases add up to the total."""
    timing = answer(encode(golden_image(256)), segmenter).timing
    parts = timing.decode + timing.infer + timing.post
    assert parts == pytest.approx(timing.total, abs=0.01)
