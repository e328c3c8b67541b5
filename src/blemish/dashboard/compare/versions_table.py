"""More than two versions at a glance: all of them against the champion, set by set."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from blemish.dashboard import page_cache
from blemish.dashboard.compare import comparison_cache
from blemish.dashboard.compare.comparison_view import ComparisonView
from blemish.dashboard.compare.decision_summary import STYLE, cell, difference
from blemish.dashboard.compare.image_sources import VALIDATION
from blemish.dashboard.compare.job_progress import follow
from blemish.dashboard.compare.version_trials import (
    Standing,
    VersionTrials,
    fitted_to,
    standings,
)
from blemish.dashboard.terms import meanings, question_mark
from blemish.metrics import PairedShare
from blemish.registry import Version

_MOST = 20  # versions


def show(view: ComparisonView, versions: Sequence[Version]) -> None:
    """Show every version beside the champion on the images that pass the filter."""
    champion = page_cache.champion()
    if champion is None:
        st.info("No version is champion, so there is nothing to compare with.")
        return
    others = [one for one in versions if one.version != champion.version][:_MOST]
    trials = comparison_cache.version_trials((champion, *others), view.collection)
    trials.wait(0.4)
    with st.container():
        follow(trials, f"{len(others) + 1} versions, one after the other, have")
    wanted = {one.index for one in (*view.split.counted, *view.split.left_out)}
    rows = []
    for version in others:
        rows += _rows(trials, champion, version, wanted, choosing=view.source == VALIDATION)
    if not rows:
        st.info("The first version is being tried.")
        return
    heads = (
        "Version",
        f"Set{question_mark('set')}",
        f"Escapes{question_mark('escape')}",
        f"False alarms{question_mark('false alarm')}",
        f"Overlap with the truth (Dice){question_mark('Dice')}",
    )
    top = "".join(f"<th scope='col'>{head}</th>" for head in heads)
    st.html(
        f"<div class='blemish-scroll'><table class='blemish-decision all'><thead><tr>{top}</tr>"
        f"</thead><tbody>{''.join(rows)}</tbody></table></div>{STYLE}"
    )
    left = len(versions) - 1 - len(others)
    more = f" The {_MOST} newest versions; {left} older ones are not shown." if left else ""
    st.caption(
        f"Each version at its own threshold, beside the champion (version {champion.version}) on "
        "the same parts; intervals are 95 %. Parts that either was trained or validated on are "
        f"left out of both numbers.{more}",
        help=meanings("part", "interval", "paired"),
    )


def _rows(
    trials: VersionTrials,
    champion: Version,
    version: Version,
    wanted: set[int],
    *,
    choosing: bool,
) -> list[str]:
    if version.version in trials.faults:
        fault = escape(trials.faults[version.version])
        return [f"<tr>{_name(version)}<td colspan='4'>{fault}</td></tr>"]
    if not {version.version, champion.version} <= set(trials.results):
        return []
    splits = [comparison_cache.image_splits(one) for one in (champion, version)]
    found = standings(
        trials.results[champion.version],
        trials.results[version.version],
        fitted_to(*splits, choosing=choosing),
        wanted,
    )
    unknown = any(known is None for known in splits)
    return [_row(version, one, unknown=unknown) for one in found]


def _row(version: Version, one: Standing, *, unknown: bool) -> str:
    notes = [f"{one.left_out} images left out"] if one.left_out else []
    notes += ["training images unknown"] if unknown else []
    marked = "".join(f"<small>{note}</small>" for note in notes)
    dice = "-"
    if one.images:
        dice = (
            f"<b>{one.dice:.3f}</b> against {one.champion_dice:.3f}"
            f"<small>of {one.images} images</small>"
        )
    return (
        f"<tr>{_name(version)}<td>{escape(one.set_name)}{marked}</td>"
        f"<td>{_share(one.parts.escapes)}</td><td>{_share(one.parts.false_alarms)}</td>"
        f"<td>{dice}</td></tr>"
    )


def _share(share: PairedShare) -> str:
    """Return a share of the version beside that of the champion, and the difference."""
    if not share.total:
        return "no such part"
    ours = cell(f"{share.b} of {share.total}", share.b / share.total, None)
    return (
        f"{ours} against {share.a}"
        f"<small>{difference(share.difference, share.interval_difference)}</small>"
    )


def _name(version: Version) -> str:
    aliases = f"<small>{escape(', '.join(version.aliases))}</small>" if version.aliases else ""
    return f"<th scope='row'>{version.version}, {escape(version.precision or '-')}{aliases}</th>"
