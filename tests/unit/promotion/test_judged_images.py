"""How the gate judges the images that a run keeps."""

from pathlib import Path

import numpy as np
import pytest
from integration.tiny_checkout import model_bytes
from PIL import Image

from blemish.inference import Segmenter
from blemish.metrics import Counts
from blemish.promotion import evidence
from blemish.registry.stored_images import stored_images

HEADER = "image_id,set,group,classes,tp,fp,fn,tn,dice,iou,score"


@pytest.mark.parametrize("limited", [True, False])
def test_marks_outside_the_region_of_interest_count_for_neither(
    tmp_path: Path, *, limited: bool
) -> None:
    """Both models are judged inside the region that is kept beside an image, else on all of it."""
    (tmp_path / "per_image.csv").write_text(f"{HEADER}\na,line-3,part,pit,0,0,0,0,1,1,1\n")
    plane, truth = np.zeros((64, 64), np.uint8), np.zeros((64, 64), np.uint8)
    plane[:8] = plane[40:48] = truth[:8] = 255
    parts = {"images": plane, "masks": truth}
    if limited:
        parts["regions"] = np.where(np.arange(64)[:, None] < 32, 255, plane * 0)
    for part, pixels in parts.items():
        (tmp_path / f"test_{part}").mkdir()
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"test_{part}" / "a.png")
    model = Segmenter.from_bytes(model_bytes("f" * 64, "fp32"))
    (pair,) = evidence._run_both(stored_images(tmp_path), model, model)
    false = 0 if limited else 8 * 64
    assert pair.candidate == pair.champion == Counts(8 * 64, false, 0, 56 * 64 - false)
