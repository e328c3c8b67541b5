"""What is kept between reruns, keyed by content: SHA-256 of models and images, never by name."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from blemish.arrays import Map
from blemish.config import find_workspace, settings
from blemish.dashboard.image_collections import (
    ImageCollection,
    OpenedImage,
    collection_of_run_images,
    collection_of_set,
    collection_of_uploads,
)
from blemish.dashboard.sized_cache import SizedCache
from blemish.dashboard.viewer import ViewerFrame
from blemish.errors import PromotionError, ServiceError, WorkspaceError
from blemish.inference import Segmenter
from blemish.monitoring import prediction_search, queries
from blemish.monitoring.database import describe, images_folder, log_url, open_database
from blemish.monitoring.image_store import ImageStore
from blemish.promotion.rollback import RollbackTarget, find_target
from blemish.registry import Move, RecordedHeadline, Registry, Version, load_verified
from blemish.store.names import CHAMPION

_MODELS = 6
THREADS = 2  # of one inference; the dashboard shares its machine with the API

_MAPS = SizedCache[Map](64, lambda answer: answer.nbytes)
FRAMES = SizedCache[ViewerFrame](48, lambda frame: frame.bytes)
"""The frames of images that were drawn for the panes."""

# By what Streamlit tells one version from another.
_BY_FILE: dict[str | type[Any], Callable[[Any], Any]] = {Version: lambda version: version.sha256}
BY_RUN: dict[str | type[Any], Callable[[Any], Any]] = {Version: lambda version: version.run_id}


@st.cache_resource(show_spinner=False)
def registry() -> Registry:
    """Connect to the registry, once."""
    return Registry.connect()


@st.cache_data(ttl=4, show_spinner=False)
def versions() -> tuple[Version, ...]:
    """Return the versions, the newest first; at most four seconds old."""
    return tuple(sorted(registry().versions(), key=lambda one: -one.version))


@st.cache_data(ttl=4, show_spinner=False)
def history() -> tuple[Move, ...]:
    """Return the moves of the champion, oldest first; at most four seconds old."""
    return registry().history()


@st.cache_data(ttl=4, show_spinner=False)
def rollback_target() -> tuple[RollbackTarget | None, str]:
    """Return where a rollback would lead, or None and why there is no way back."""
    try:
        return find_target(registry()), ""
    except PromotionError as error:
        return None, str(error)


def forget_versions() -> None:
    """Look again at once: something was moved."""
    versions.clear()
    history.clear()
    rollback_target.clear()


def champion() -> Version | None:
    """Return the version that is champion; None where none is."""
    return next((one for one in versions() if CHAMPION in one.aliases), None)


@st.cache_resource(max_entries=_MODELS, show_spinner="Loading the model ...", hash_funcs=_BY_FILE)
def load(version: Version) -> Segmenter:
    """Load a version's model, once for each SHA-256."""
    return load_verified(registry(), version, threads=THREADS)


def probability(model: Segmenter, sha256: str, image: OpenedImage) -> Map:
    """Return the probability map of an image; shape ``(H, W)``, not to be written to."""

    def look() -> Map:
        answer = model.probability(image.plane, prepared=image.prepared)
        answer.flags.writeable = False
        return answer

    return _MAPS.get((sha256, image.sha256), look)


@st.cache_resource(max_entries=4, show_spinner="Fetching the test images ...", hash_funcs=BY_RUN)
def test_collection(version: Version) -> ImageCollection:
    """Return the test images that a version's run keeps in the store."""
    images = registry().test_images(version)
    return collection_of_run_images("Test images", version.run_id, images)


@st.cache_resource(
    max_entries=2, show_spinner="Fetching the validation images ...", hash_funcs=BY_RUN
)
def validation_collection(version: Version) -> ImageCollection:
    """Return the validation images that a version's run keeps in the store."""
    images = registry().validation_images(version)
    return collection_of_run_images("Validation images", version.run_id, images)


@st.cache_data(ttl=600, max_entries=500, show_spinner=False, hash_funcs=BY_RUN)
def headline(version: Version) -> RecordedHeadline | None:
    """Return what a version's headline metrics are of; None where nobody recorded it."""
    return registry().headline(version)


@st.cache_data(ttl=600, max_entries=500, show_spinner=False, hash_funcs=BY_RUN)
def validation_sets(version: Version) -> tuple[str, ...]:
    """Return the sets of the validation images of a version's run; none where nobody recorded."""
    digests = registry().image_digests(version) or ()
    return tuple(sorted({one.set_name for one in digests if one.split == "val"}))


def logged_collection(number: int) -> ImageCollection:
    """Return the image of a logged prediction; refused where the log keeps it no longer."""
    name = f"prediction {number}"
    with asking_log() as engine:
        logged = prediction_search.find(engine, number)
    found = None if logged is None else logged.entry.prediction
    data = None if found is None else logged_images().get(found.image.sha256)
    if data is None:
        gone = "The prediction log keeps no image of it, or no longer."
        return replace(collection_of_uploads(()), refused=((name, gone),))
    return collection_of_uploads([(name, data)])


def set_collection(folder: Path) -> ImageCollection:
    """Open a set on disk."""
    return _set_collection(folder, (folder / "index.csv").stat().st_mtime_ns)


@st.cache_resource(max_entries=4, show_spinner="Opening the set ...")
def _set_collection(folder: Path, changed_ns: int) -> ImageCollection:
    del changed_ns
    return collection_of_set(folder)


def set_folders() -> dict[str, Path]:
    """Return the sets of this checkout by name; none where there is no checkout."""
    try:
        workspace = find_workspace()
    except WorkspaceError:
        return {}
    candidates = [workspace.path("synthetic"), *sorted(workspace.path("real").glob("*"))]
    return {folder.name: folder for folder in candidates if (folder / "set.json").is_file()}


@contextmanager
def asking_log() -> Iterator[Engine]:
    """Yield the prediction log; whatever its database raises becomes an error of ours.

    Raises:
        ServiceError: It cannot be used.
    """
    url = log_url(settings())
    engine = _log(url)
    try:
        yield engine
    except SQLAlchemyError as error:
        _log.clear()
        engine.dispose()
        raise ServiceError(describe(engine.url, error)) from error


@st.cache_resource(max_entries=2, show_spinner=False)
def _log(url: str) -> Engine:
    return open_database(url)


@st.cache_data(ttl=30, show_spinner=False)
def logged_keys() -> tuple[str, ...]:
    """Return the names of the API keys in the log; at most half a minute old."""
    with asking_log() as engine:
        return prediction_search.key_names(engine)


@st.cache_data(ttl=30, show_spinner=False)
def logged_versions() -> tuple[int, ...]:
    """Return the versions that answered predictions of the log; at most half a minute old."""
    with asking_log() as engine:
        return queries.versions(engine)


def logged_images() -> ImageStore:
    """Return the images that the prediction log keeps."""
    return ImageStore(images_folder(settings()))
