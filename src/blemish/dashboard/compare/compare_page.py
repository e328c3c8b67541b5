"""The page ``/``: two versions, or two scoring jobs, and where they disagree."""

from collections.abc import Sequence

import streamlit as st

from blemish.dashboard import page_cache
from blemish.dashboard.address_widgets import choose, pick
from blemish.dashboard.compare import (
    comparison_cache,
    curve_tabs,
    decision_summary,
    fair_images,
    image_review,
    image_sources,
    point_saving,
    scored_jobs,
    versions_table,
)
from blemish.dashboard.compare.compared_images import ORDERS, ComparedImage, ordered
from blemish.dashboard.compare.comparison_report import compose
from blemish.dashboard.compare.comparison_view import ComparisonView
from blemish.dashboard.compare.image_filters import LEFT_OUT, ImageFilter, with_result
from blemish.dashboard.compare.job_progress import follow
from blemish.dashboard.compare.model_comparison import ModelComparison
from blemish.dashboard.compare.point_controls import (
    choose_images,
    choose_thresholds,
    say_lost_filters,
)
from blemish.dashboard.compare.version_pair import Pair, Side
from blemish.dashboard.page_errors import guarded, plain
from blemish.dashboard.page_parts import show_link, show_no_version
from blemish.dashboard.tested_images import few_parts
from blemish.registry import Version

_VERSIONS, _JOBS = "versions", "jobs"
_COMPARED = {_VERSIONS: "Two versions", _JOBS: "Two scoring jobs"}
_PATIENCE_S = 0.4  # a few images are compared by then, and the page comes whole at once
_ORDERED = (
    "Result differs: images that one version calls defective and the other does not, then by the "
    "share of the pixels that they mark differently. Overlap is that of the marks with the truth "
    "(Dice)."
)
_TABS = [
    ":material/image: Images",
    ":material/show_chart: Curves",
    ":material/difference: Versions",
    ":material/leaderboard: All versions",
]


def page() -> None:
    """Lay out the page."""
    title, choice = st.columns([3, 2], vertical_alignment="bottom")
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
        show_no_version()
        return
    pair, source = _choose(versions)
    collection = image_sources.open_collection(source, pair)
    if not len(collection):
        image_sources.show_nothing(source)
        return
    point_saving.show_saved()
    comparison = comparison_cache.comparison_of(pair, collection)
    comparison.wait(_PATIENCE_S)
    with st.container():  # keeps its place, so that nothing below moves when the progress goes
        follow(comparison, "Both versions have")
    _show_comparison(pair, comparison, source)


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
        source = image_sources.choose_source()
    pair = Pair(
        Side("A", names[a], references[a], page_cache.load(references[a])),
        Side("B", names[b], references[b], page_cache.load(references[b])),
    )
    return pair, source


@st.fragment
@guarded
def _show_comparison(pair: Pair, comparison: ModelComparison, source: str) -> None:
    """Show everything that follows thresholds and filters; a change of these reruns this alone."""
    left, right = st.columns([3.6, 1], vertical_alignment="bottom")
    with left:
        thresholds = choose_thresholds(pair)
    every = comparison.at(thresholds)
    with right:
        judged = not comparison.done or any(one.defective is not None for one in every)
        headline = page_cache.headline(pair.b.version)
        chosen = choose_images(
            comparison.collection.entries, headline.sets if headline else (), judged=judged
        )
    say_lost_filters()
    view = _view(pair, comparison, source, thresholds, every).filtered(chosen.passes)
    if not view.counted and not view.split.left_out:
        st.info("No image passes the filter." if every else "The first image is being looked at.")
        return
    with right:
        point_saving.offer(view)
    _say_lost_image(comparison)
    result = decision_summary.show(view, _said(view, chosen))
    images, curves, both, every_version = st.tabs(_TABS, key="compare-tab", on_change="rerun")
    if images.open:
        with images:
            _show_images(view, result)
    if curves.open:
        with curves:
            curve_tabs.show_curves(view)
    if both.open:
        with both:
            curve_tabs.show_versions(pair)
    if every_version.open:
        with every_version:
            versions_table.show(view, page_cache.versions())


def _say_lost_image(comparison: ModelComparison) -> None:
    """Say that the image of the address is not among these; which are shown is seen anyway."""
    asked = st.query_params.get("image")
    if asked is not None and comparison.collection.index(asked) is None:
        st.warning(f"The address names the image {plain(asked)}, which is not among these images.")


def _view(
    pair: Pair,
    comparison: ModelComparison,
    source: str,
    thresholds: tuple[float, float],
    every: Sequence[ComparedImage],
) -> ComparisonView:
    fitted = (
        fair_images.FittedImages(
            "A", pair.a.version, comparison_cache.image_splits(pair.a.version)
        ),
        fair_images.FittedImages(
            "B", pair.b.version, comparison_cache.image_splits(pair.b.version)
        ),
    )
    choosing = source == image_sources.VALIDATION
    split = fair_images.divide(every, fitted, choosing=choosing)
    return ComparisonView(pair, comparison, source, thresholds, split, fitted)


def _show_images(view: ComparisonView, result: str) -> None:
    listed = with_result(view.counted, result)
    if result == LEFT_OUT:
        listed = list(view.split.left_out)
    order_box, opacity, report, link = st.columns([1.4, 1.4, 1, 1], vertical_alignment="bottom")
    with order_box:
        order = choose("Sort by", "sort", list(ORDERS), shown=ORDERS.__getitem__, help=_ORDERED)
    opacity.slider("Opacity of the layers", 0.0, 1.0, 0.7, 0.05, key="opacity")
    if not listed:
        st.info("No image has this result at these thresholds.", icon=":material/filter_list_off:")
        return
    shown = image_review.show(view, ordered(listed, order))
    with report:
        _offer_report(view, shown)
    with link, st.popover("Link", icon=":material/link:", width="stretch"):
        show_link("The address of this page shows the same comparison; copy it from here.")


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
    narrowed = f" ({plain(chosen)})" if str(chosen) else ""
    unjudged = sum(one.defective is None for one in view.counted)
    some = f" {unjudged} of them have no mask and are in no number." if unjudged else ""
    still = "" if view.comparison.done else " So far: the comparison goes on."
    return (
        f"{len(view.counted)} images of {parts} parts of {plain(view.sets)}{narrowed}; {points}. "
        f"A part is defective if any of its images is.{some}{_other_sets(view, chosen)} Intervals "
        f"are 95 %, over parts.{few_parts(parts)}{still}"
    )


def _other_sets(view: ComparisonView, chosen: ImageFilter) -> str:
    """Say, after a space, which sets the filter leaves out; nothing where it names none."""
    every = {entry.set_name for entry in view.collection.entries}
    others = sorted(every - set(chosen.sets)) if chosen.sets else []
    return f" Not counted: {plain(', '.join(others))} (see Filter)." if others else ""


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
