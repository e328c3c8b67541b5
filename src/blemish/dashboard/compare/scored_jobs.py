"""Two scoring jobs over the same images: where they agree, by result, by count and by pixel."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from blemish.dashboard.address_widgets import type_in
from blemish.dashboard.page_errors import plain
from blemish.dashboard.terms import meaning
from blemish.scoring.job_comparison import FinishedJob, JobComparison, compare_jobs
from blemish.terminal_text import printable

_HELP = "What was given to blemish score --out: a folder, or a URL such as s3://line/scores."
_KEPT = 4  # comparisons
_RESULTS = ((True, "Defective"), (False, "Defect-free"))


def show() -> None:
    """Ask for both jobs and show what they say of the same images."""
    columns, urls = st.columns(2), []
    for column, letter in zip(columns, "AB", strict=True):
        with column:
            urls.append(type_in(f"Job {letter}", f"job{letter.lower()}", help=_HELP))
    if not all(urls):
        st.info(
            "Name the output folders of two scoring jobs over the same images. Make one: "
            "`blemish score SOURCE --out DIR --model REF`",
            icon=":material/stacks:",
        )
        return
    a, b = (FinishedJob.open(url) for url in urls)
    for column, job in zip(columns, (a, b), strict=True):
        column.caption(_described(job))
    _show(_compare(a, b))


def _compare(a: FinishedJob, b: FinishedJob) -> JobComparison:
    """Compare both, once for each state that they were in; show how far it is."""
    key, kept = (a.url, b.url, a.state, b.state), _comparisons()
    if key not in kept:
        total = max(a.plan.images, b.plan.images, 1)
        bar = st.progress(0.0, text="Comparing the jobs ...")

        def tell(images: int) -> None:
            done = min(1.0, images / total)
            bar.progress(done, text=f"{images:,} of {total:,} images are compared.")

        kept[key] = compare_jobs(a, b, tell)
        bar.empty()
        while len(kept) > _KEPT:
            kept.pop(next(iter(kept)), None)
    return kept[key]


@st.cache_resource(show_spinner=False)
def _comparisons() -> dict[tuple[str, ...], JobComparison]:
    return {}


def _described(job: FinishedJob) -> str:
    model = job.job
    version = "" if model.model_version is None else f" version {model.model_version}"
    done = sum(job.plan.size_of(shard) for shard in job.parts.commits)
    unfinished = "" if done == job.plan.images else f" Not finished: {done:,} images are done."
    return (
        f"{plain(model.model_name)}{version}, {plain(model.precision)}, "
        f"{model.model_sha256[:12]}, threshold {model.threshold:.3f}, masks kept: {model.masks}; "
        f"{job.plan.images:,} images.{unfinished}"
    )


def _show(found: JobComparison) -> None:
    if not found.compared:
        st.info(
            "No image was scored by both jobs. Jobs are compared by the names of their images: "
            "score the same SOURCE twice."
        )
        return
    numbers, matrix = st.columns([1.5, 1], gap="medium")
    with numbers:
        _show_numbers(found)
    with matrix:
        st.html(_matrix(found))
    for sentence in _left_out(found):
        st.caption(sentence)
    if not found.disagreements:
        st.success("Both jobs give every image the same result.", icon=":material/check:")
        return
    differing = found.compared - found.same_result
    listed = len(found.disagreements)
    st.markdown(f"#### {differing:,} images have another result")
    if listed < differing:
        st.caption(f"The {listed} with the widest gap between the highest probabilities of both.")
    st.dataframe(_table(found), hide_index=True, alt="Images of which the jobs disagree.")


def _show_numbers(found: JobComparison) -> None:
    result, count, pixel = st.columns(3)
    share = found.same_result / found.compared
    result.metric("Same result", f"{share:.1%}", border=True)
    result.caption(f"{found.same_result:,} of {found.compared:,} images")
    share = found.same_count / found.compared
    count.metric("Same number of defects", f"{share:.1%}", border=True)
    count.caption(f"{found.same_count:,} of {found.compared:,} images")
    iou = found.mask_iou
    pixel.metric(
        "Overlap of the marks (IoU)",
        "-" if iou is None else f"{iou:.3f}",
        border=True,
        help=meaning("IoU"),
    )
    pixel.caption(
        f"over {found.with_masks:,} images whose masks both jobs know"
        if found.with_masks
        else "Neither job kept masks: score with --masks defective"
    )


def _matrix(found: JobComparison) -> str:
    heads = "".join(f"<th scope='col'>B: {name.lower()}</th>" for _, name in _RESULTS)
    rows = "".join(
        f"<tr><th scope='row'>A: {name.lower()}</th>"
        + "".join(f"<td><b>{found.results[in_a, in_b]:,}</b></td>" for in_b, _ in _RESULTS)
        + "</tr>"
        for in_a, name in _RESULTS
    )
    return f"<table class='blemish-jobs'><tr><td></td>{heads}</tr>{rows}</table>{_STYLE}"


def _left_out(found: JobComparison) -> Sequence[str]:
    counted = (
        (found.only_a, "were scored by job A alone"),
        (found.only_b, "were scored by job B alone"),
        (found.other_content, "had other bytes in each job"),
    )
    return [f"Left out: {count:,} images {what}." for count, what in counted if count]


def _table(found: JobComparison) -> pd.DataFrame:
    named = dict(_RESULTS)
    return pd.DataFrame(
        {
            "Image": [printable(one.uri) for one in found.disagreements],
            "A": [named[one.defective_a] for one in found.disagreements],
            "B": [named[one.defective_b] for one in found.disagreements],
            "Gap of the highest probabilities": [round(one.gap, 3) for one in found.disagreements],
        }
    )


_STYLE = """<style>
table.blemish-jobs {border-collapse: collapse; width: 100%;}
table.blemish-jobs :is(th, td) {padding: .35rem .7rem; text-align: right; font-weight: 400;
  border-bottom: 1px solid rgba(128, 128, 128, .3);}
table.blemish-jobs th[scope=row] {text-align: left;}
table.blemish-jobs b {font-size: 1.3rem; font-variant-numeric: tabular-nums;}
</style>"""
