"""The page ``/``: two versions on the same pictures, and where they disagree."""

from collections.abc import Sequence

import streamlit as st

from blemish.dashboard import cache, compare_figures, compare_images
from blemish.dashboard.albums import Album, album_of_uploads
from blemish.dashboard.choice import choose
from blemish.dashboard.contest import Contest
from blemish.dashboard.edge import guarded, plain
from blemish.dashboard.pair import Pair, Side
from blemish.registry import Version

_TEST, _UPLOADS = "test", "uploads"
_POLL_S = 1.0


def page() -> None:
    """Lay out the page."""
    st.markdown("## Compare")
    versions = cache.versions()
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
        Side("A", names[a], references[a], cache.load(references[a])),
        Side("B", names[b], references[b], cache.load(references[b])),
    )
    album = _album(source, pair)
    _show_refused(album)
    if not len(album):
        st.info(_nothing(source), icon=":material/add_photo_alternate:")
        return
    contest = cache.contest_of(pair, album)
    compare_figures.show(pair, contest)
    _show_tabs(pair, album, contest)


def _show_tabs(pair: Pair, album: Album, contest: Contest) -> None:
    images, curves, lineage = st.tabs(
        [
            ":material/image: Images",
            ":material/show_chart: Curves",
            ":material/difference: Versions",
        ]
    )
    with images:
        compare_images.show(pair, album, contest)
    with curves:
        compare_figures.show_curves(pair, contest)
    with lineage:
        compare_figures.show_versions(pair)
    _follow(contest)


@guarded
def _follow(contest: Contest) -> None:
    """While the contest runs, look every second; say why it stopped, if it did."""
    if not contest.done:
        _watch(contest)
    elif contest.error is not None:
        raise contest.error


@st.fragment(run_every=_POLL_S)
def _watch(contest: Contest) -> None:
    done, total = len(contest.bouts), len(contest.album)
    st.progress(
        min(1.0, done / max(total, 1)), text=f"Both versions have seen {done} of {total} images."
    )
    if contest.done:
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
    folders = cache.set_folders()
    options = [_TEST, *(f"set:{name}" for name in folders), _UPLOADS]
    shown = {_TEST: "Test images of version B", _UPLOADS: "Your own images"}
    return choose(
        "Pictures",
        "on",
        options,
        default=_TEST,
        shown=lambda option: shown.get(option) or f"Set {option.removeprefix('set:')}",
    )


def _album(source: str, pair: Pair) -> Album:
    if source == _TEST:
        return cache.test_album(pair.b.version)
    if source == _UPLOADS:
        return _uploaded()
    return cache.set_album(cache.set_folders()[source.removeprefix("set:")])


def _uploaded() -> Album:
    files = st.file_uploader(
        "Drop images here", type=None, accept_multiple_files=True, key="uploads",
        help="PNG, JPEG, BMP, TIFF or WebP; 8 or 16 bit; at most 32 MB each.",
    )  # fmt: skip
    return album_of_uploads([(file.name, file.getvalue()) for file in files])


def _show_refused(album: Album) -> None:
    for name, reason in album.refused:
        st.error(f"**{plain(name)}**: {plain(reason)}", icon=":material/broken_image:")


def _nothing(source: str) -> str:
    if source == _UPLOADS:
        return "Add one or more images, and both versions will look at them."
    return "There is no picture here."


def _show_empty() -> None:
    st.info(
        "The registry holds no version yet. Train one: `make repro`. "
        "This page shows it as soon as it is there.",
        icon=":material/deployed_code:",
    )
