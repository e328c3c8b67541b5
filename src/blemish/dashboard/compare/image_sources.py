"""The images that both versions look at: of a run, of a set, or uploaded."""

import streamlit as st

from blemish.dashboard import page_cache
from blemish.dashboard.address_widgets import choose
from blemish.dashboard.compare.version_pair import Pair
from blemish.dashboard.image_collections import ImageCollection, collection_of_uploads
from blemish.dashboard.page_errors import plain

TEST, VALIDATION, UPLOADS, LOGGED = "test", "validation", "uploads", "prediction:"
_NAMES = {
    TEST: "Test images of version B",
    VALIDATION: "Validation images of version B, to choose a threshold",
    UPLOADS: "Your own images",
}


def choose_source() -> str:
    """Show the box; return what is chosen: one of the names above, or ``set:NAME``."""
    sets = [f"set:{name}" for name in page_cache.set_folders()]
    options = [TEST, VALIDATION, *sets, UPLOADS]
    asked = str(st.session_state.get("on") or st.query_params.get("on", ""))
    if (number := asked.removeprefix(LOGGED)) != asked and number.isdecimal():
        options.append(asked)
    source = choose(
        "Images",
        "on",
        options,
        default=TEST,
        shown=_name,
    )
    if st.session_state.get("_source", source) != source:
        st.query_params.pop("image", None)  # it was one of the others
    st.session_state["_source"] = source
    return source


def _name(source: str) -> str:
    if source.startswith(LOGGED):
        return f"Image of prediction {source.removeprefix(LOGGED)}"
    return _NAMES.get(source) or f"Set {source.removeprefix('set:')}"


def open_collection(source: str, pair: Pair) -> ImageCollection:
    """Return the images of a source; files that were refused are told on the page."""
    if source == TEST:
        return page_cache.test_collection(pair.b.version)
    if source == VALIDATION:
        return page_cache.validation_collection(pair.b.version)
    if source == UPLOADS:
        return _uploaded()
    if source.startswith(LOGGED):
        collection = page_cache.logged_collection(int(source.removeprefix(LOGGED)))
        _show_refused(collection)
        return collection
    return page_cache.set_collection(page_cache.set_folders()[source.removeprefix("set:")])


def show_nothing(source: str) -> None:
    """Say that there is no image, and what to do."""
    text = "There is no image here."
    if source == UPLOADS:
        text = "Add one or more images, and both versions will look at them."
    st.info(text, icon=":material/add_photo_alternate:")


def _uploaded() -> ImageCollection:
    """Let a person add images; they stay while the session does, whatever page is shown."""
    st.file_uploader(
        "Drop images here", type=None, accept_multiple_files=True, key="uploads",
        help="PNG, JPEG, BMP, TIFF or WebP; 8 or 16 bit; at most 32 MB each. A file NAME.mask.png "
        "beside NAME.png is the truth of that image: white where it is defective.",
        on_change=_keep_uploads,
    )  # fmt: skip
    collection: ImageCollection = st.session_state.setdefault("_uploads", collection_of_uploads(()))
    _show_refused(collection)
    return collection


def _show_refused(collection: ImageCollection) -> None:
    for name, reason in collection.refused:
        st.error(f"**{plain(name)}**: {plain(reason)}", icon=":material/broken_image:")


def _keep_uploads() -> None:
    files = st.session_state["uploads"]
    st.session_state["_uploads"] = collection_of_uploads(
        [(file.name, file.getvalue()) for file in files]
    )
