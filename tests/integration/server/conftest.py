"""One registry and one server for all tests that break neither."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from faulty_images import encode
from integration.server.rig import Server, Shelf, serving
from integration.server.tiny_models import tiny_model

from blemish.inference import golden_image


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep verified files and last-known versions out of the person's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BLEMISH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """A registry of three versions: champion 1, candidate 2, and 3."""
    shelf = Shelf(tmp_path_factory.mktemp("shelf"))
    for level in (80.0, 100.0, 120.0):
        shelf.add(tiny_model(level=level))
    shelf.point("champion", 1)
    shelf.point("candidate", 2)
    return shelf


@pytest.fixture(scope="session")
def server(shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of that registry."""
    with serving(tmp_path_factory.mktemp("server"), shelf.uri) as running:
        yield running


@pytest.fixture
def own_shelf(tmp_path: Path) -> Shelf:
    """A registry that a test may change."""
    shelf = Shelf(tmp_path)
    shelf.add(tiny_model(level=80.0))
    shelf.point("champion", 1)
    return shelf


@pytest.fixture(scope="session")
def image() -> bytes:
    """A good image."""
    return encode(golden_image(256))
