"""The page ``/``: two versions, or two scoring jobs, and where they disagree."""

from collections.abc import Sequence

import streamlit as st

from blemish.dashboard import page_cache
from blemish.dashboard.address_widgets import address, choose, pick
from blemish.dashboard.compare import curve_tabs, decision_summary, image_review, scored_jobs
from blemish.dashboard.compare.compared_images import ORDERS, ComparedImage, ordered
from blemish.dashboard.compare.comparison_report import compose
from blemish.dashboard.compare.comparison_view import ComparisonView
from blemish.dashboard.compare.image_filters import ImageFilter, with_result
from blemish.dashboard.compare.model_comparison import ModelComparison
from blemish.dashboard.compare.point_controls import choose_images, choose_thresholds
from blemish.dashboard.compare.version_pair import Pair, Side
from blemish.dashboard.image_collections import ImageCollection, collection_of_uploads
from blemish.dashboard.page_errors import guarded, plain, run_number
from blemish.registry import Version

_TEST, _UPLOADS, _LOGGED = "test", "uploads", "prediction:"
_VERSIONS, _JOBS = "versions", "jobs"
_COMPARED = {_VERSIONS: "Two versions", _JOBS: "Two scoring jobs"}
_POLL_S = 1.0
_PATIENCE_S = 0.4  # a few images are compared by then, and the page comes whole at once
_TABS = [
    ":material/image: Images",
    ":material/show_chart: Curves",
    ":material/difference: Versions",
]


def page() -> None:
    """Lay out the page."""
    title, choice = st.columns([2, 1], vertical_alignment="bottom")
    title.markdown("## Compare")
    with choice:
        compared = pick("Compare", "of", _COMPARED, default=_VERSIONS, visible=False)
    if compared == _JOBS:
        scored_jobs.show()
    else:
        _show_versions()


def _show_versions() -> None:
    versions = page_cache.versions()
    if not versions:
        _show_empty()
        return
    pair, source = _choose(versions)
    collection = _collection(source, pair)
    _show_refused(collection)
    if not len(collection):
        st.info(_nothing(source), icon=":material/add_photo_alternate:")
        return
    comparison = page_cache.comparison_of(pair, collection)
    comparison.wait(_PATIENCE_S)
    with st.container():  # keeps its place, so that nothing below moves when the progress goes
        _follow(comparison)
    _show_comparison(pair, comparison)


def _choose(versions: Sequence[Version]) -> tuple[Pair, str]:
    """Let a person choose two versions and where the images come from."""
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
    return pair, source


@guarded
def _follow(comparison: ModelComparison) -> None:
    """While the comparison runs, show how far it is; say why it stopped, if it did."""
    if not comparison.done:
        _watch(comparison, run_number())
    elif comparison.error is not None:
        raise comparison.error


@st.fragment(run_every=_POLL_S)
def _watch(comparison: ModelComparison, run: int) -> None:
    """Show the progress, and the page anew at the end.

    Only a tick of its own asks for the page: the run that draws the page must not interrupt itself.
    """
    done, total = comparison.seen, len(comparison.collection)
    st.progress(
        min(1.0, done / max(total, 1)), text=f"Both versions have seen {done} of {total} images."
    )
    if comparison.done and st.session_state.get("_watched_run") == run:
        st.rerun(scope="app")
    st.session_state["_watched_run"] = run


@st.fragment
@guarded
def _show_comparison(pair: Pair, comparison: ModelComparison) -> None:
    """Show everything that follows thresholds and filters; a change of these reruns this alone."""
    left, right = st.columns([5, 1], vertical_alignment="bottom")
    with left:
        thresholds = choose_thresholds(pair)
    every = comparison.at(thresholds)
    with right:
        chosen = choose_images(every)
    view = ComparisonView(
        pair, comparison, thresholds, [one for one in every if chosen.passes(one)]
    )
    if not view.counted:
        st.info("No image passes the filter." if every else "The first image is being looked at.")
        return
    result = decision_summary.show(view, _said(view, chosen))
    images, curves, versions = st.tabs(_TABS, key="compare-tab", on_change="rerun")
    if images.open:
        with images:
            _show_images(view, result)
    if curves.open:
        with curves:
            curve_tabs.show_curves(view)
    if versions.open:
        with versions:
            curve_tabs.show_versions(pair)


def _show_images(view: ComparisonView, result: str) -> None:
    listed = with_result(view.counted, result)
    order_box, opacity, report, link = st.columns([1.4, 1.4, 1, 1], vertical_alignment="bottom")
    with order_box:
        order = choose("Sort by", "sort", list(ORDERS), shown=ORDERS.__getitem__)
    opacity.slider("Opacity of the layers", 0.0, 1.0, 0.7, 0.05, key="opacity")
    if not listed:
        st.info("No image has this result at these thresholds.", icon=":material/filter_list_off:")
        return
    shown = image_review.show(view, ordered(listed, order))
    with report:
        _offer_report(view, shown)
    with link, st.popover("Link", icon=":material/link:", width="stretch"):
        st.caption("The address of this page shows the same comparison; copy it from here.")
        st.code(address(), language=None, wrap_lines=True)


def _offer_report(view: ComparisonView, shown: ComparedImage) -> None:
    """Offer the comparison as a file; it is composed when somebody asks for it."""
    a, b = (side.version.version for side in view.pair.sides)
    st.download_button(
        "Report",
        data=lambda: compose(view, shown),
        file_name=f"blemish-{a}-against-{b}.html",
        mime="text/html",
        icon=":material/download:",
        on_click="ignore",
        width="stretch",
        disabled=not view.comparison.done,
        key="report",
    )


def _said(view: ComparisonView, chosen: ImageFilter) -> str:
    """Say which images and thresholds the numbers are of."""
    parts = len({one.part for one in view.counted})
    points = ", ".join(
        f"{side.letter} at threshold {value:.3f}"
        + (" (its own)" if value == side.model.card.point.threshold else "")
        for side, value in zip(view.pair.sides, view.thresholds, strict=True)
    )
    still = "" if view.comparison.done else " So far: the comparison goes on."
    return (
        f"{len(view.counted)} images of {parts} parts ({plain(chosen)}); {points}. A part is "
        f"defective if any of its images is. Intervals are 95 %, over parts.{still}"
    )


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
    asked = st.session_state.get("on") or st.query_params.get("on", "")
    if (number := asked.removeprefix(_LOGGED)) != asked and number.isdecimal():
        options.append(asked)
        shown[asked] = f"Image of prediction {number}"
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
    if source.startswith(_LOGGED):
        return page_cache.logged_collection(int(source.removeprefix(_LOGGED)))
    return page_cache.set_collection(page_cache.set_folders()[source.removeprefix("set:")])


def _uploaded() -> ImageCollection:
    """Let a person add images; they stay while the session does, whatever page is shown."""
    st.file_uploader(
        "Drop images here", type=None, accept_multiple_files=True, key="uploads",
        help="PNG, JPEG, BMP, TIFF or WebP; 8 or 16 bit; at most 32 MB each. A file NAME.mask.png "
        "beside NAME.png is the truth of that image: white where it is defective.",
        on_change=_keep_uploads,
    )  # fmt: skip
    return collection_of_uploads(st.session_state.get("_uploads", ()))


def _keep_uploads() -> None:
    files = st.session_state["uploads"]
    st.session_state["_uploads"] = tuple((file.name, file.getvalue()) for file in files)


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
