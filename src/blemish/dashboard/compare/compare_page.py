"""The page ``/``: two versions on the same images, and where they disagree."""

from collections.abc import Sequence

import streamlit as st

from blemish.dashboard import page_cache
from blemish.dashboard.address_widgets import choose
from blemish.dashboard.compare import image_review, metric_summary
from blemish.dashboard.compare.comparison import Comparison
from blemish.dashboard.compare.version_pair import Pair, Side
from blemish.dashboard.image_collections import ImageCollection, collection_of_uploads
from blemish.dashboard.page_errors import guarded, plain
from blemish.registry import Version

_TEST, _UPLOADS = "test", "uploads"
_POLL_S = 1.0


def page() -> None:
    """Lay out the page."""
    st.markdown("## Compare")
    versions = page_cache.versions()
    if not versions:
        _show_empty()
        return
    left, middle, right = st.columns(3)
    references = _references(versions)
    names = {reference: _label(reference, version) for reference, version in references.items()}
    options = list(references)
    with left:
        a = choose("Version A", "a", options, default="champion", shown=names.__getitem__)
    with middle:
        first = _opponent(references, references[a])
        b = choose("Version B", "b", options, default=first, shown=names.__getitem__)
    with right:
        source = _choose_source()
    pair = Pair(
        Side("A", names[a], references[a], page_cache.load(references[a])),
        Side("B", names[b], references[b], page_cache.load(references[b])),
    )
    collection = _collection(source, pair)
    _show_refused(collection)
    if not len(collection):
        st.info(_nothing(source), icon=":material/add_photo_alternate:")
        return
    comparison = page_cache.comparison_of(pair, collection)
    metric_summary.show(pair, comparison)
    _show_tabs(pair, collection, comparison)


def _show_tabs(pair: Pair, collection: ImageCollection, comparison: Comparison) -> None:
    images, curves, lineage = st.tabs(
        [
            ":material/image: Images",
            ":material/show_chart: Curves",
            ":material/difference: Versions",
        ]
    )
    with images:
        image_review.show(pair, collection, comparison)
    with curves:
        metric_summary.show_curves(pair, comparison)
    with lineage:
        metric_summary.show_versions(pair)
    _follow(comparison)


@guarded
def _follow(comparison: Comparison) -> None:
    """While the comparison runs, look every second; say why it stopped, if it did."""
    if not comparison.done:
        _watch(comparison)
    elif comparison.error is not None:
        raise comparison.error


@st.fragment(run_every=_POLL_S)
def _watch(comparison: Comparison) -> None:
    done, total = len(comparison.compared), len(comparison.collection)
    st.progress(
        min(1.0, done / max(total, 1)), text=f"Both versions have seen {done} of {total} images."
    )
    if comparison.done:
        st.rerun(scope="app")


def _references(versions: Sequence[Version]) -> dict[str, Version]:
    """Return what a person may name: every alias, then every number."""
    order = ("champion", "candidate", "candidate-int8")
    aliased = {alias: version for version in versions for alias in version.aliases}
    first = [alias for alias in order if alias in aliased]
    others = sorted(set(aliased) - set(first))
    named = {alias: aliased[alias] for alias in (*first, *others)}
    return named | {str(version.version): version for version in versions}


def _opponent(references: dict[str, Version], a: Version) -> str:
    """Return what meets A at first: the candidate, or its INT8 file where that is A itself."""
    names = ("candidate", "candidate-int8")
    others = [n for n in names if n in references and references[n].version != a.version]
    return others[0] if others else names[0]


def _label(reference: str, version: Version) -> str:
    if reference == str(version.version):
        return f"Version {version.version}, {version.precision}"
    return f"{reference} (version {version.version}, {version.precision})"


def _choose_source() -> str:
    folders = page_cache.set_folders()
    options = [_TEST, *(f"set:{name}" for name in folders), _UPLOADS]
    shown = {_TEST: "Test images of version B", _UPLOADS: "Your own images"}
    return choose(
        "Images",
        "on",
        options,
        default=_TEST,
        shown=lambda option: shown.get(option) or f"Set {option.removeprefix('set:')}",
    )


def _collection(source: str, pair: Pair) -> ImageCollection:
    if source == _TEST:
        return page_cache.test_collection(pair.b.version)
    if source == _UPLOADS:
        return _uploaded()
    return page_cache.set_collection(page_cache.set_folders()[source.removeprefix("set:")])


def _uploaded() -> ImageCollection:
    files = st.file_uploader(
        "Drop images here", type=None, accept_multiple_files=True, key="uploads",
        help="PNG, JPEG, BMP, TIFF or WebP; 8 or 16 bit; at most 32 MB each.",
    )  # fmt: skip
    return collection_of_uploads([(file.name, file.getvalue()) for file in files])


def _show_refused(collection: ImageCollection) -> None:
    for name, reason in collection.refused:
        st.error(f"**{plain(name)}**: {plain(reason)}", icon=":material/broken_image:")


def _nothing(source: str) -> str:
    if source == _UPLOADS:
        return "Add one or more images, and both versions will look at them."
    return "There is no image here."


def _show_empty() -> None:
    st.info(
        "The registry holds no version yet. Train one: `make repro`. "
        "This page shows it as soon as it is there.",
        icon=":material/deployed_code:",
    )
