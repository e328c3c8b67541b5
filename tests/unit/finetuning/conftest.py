"""What tests of fine-tuning share."""

from pathlib import Path

import pytest
from tiny_finetuning import prepare


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Splits of synthetic and real images, and a network to start from."""
    return prepare(tmp_path)
