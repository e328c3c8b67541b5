"""Small checkouts, fresh and reproduced."""

from pathlib import Path

import pytest
from pipeline.checkouts import Checkout, copy_checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A fresh small copy in which nothing has run."""
    return copy_checkout(tmp_path / "checkout")


@pytest.fixture(scope="session")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A small copy in which ``dvc repro`` ran once, from nothing."""
    copy = copy_checkout(tmp_path_factory.mktemp("reproduced") / "checkout")
    copy.run("dvc", "repro")
    copy.git("add", "-A")
    copy.git("commit", "-q", "-m", "Reproduce")
    return copy
