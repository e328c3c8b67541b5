"""Images and a model for a scoring job."""

from pathlib import Path

import pytest
from integration.scoring_jobs import IMAGES, write_images, write_model


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """Images ``in`` and a model ``model.onnx``, to be changed."""
    write_images(tmp_path / "in", IMAGES)
    write_model(tmp_path / "model.onnx")
    return tmp_path
