"""The metrics of a comparison: a strip on top, curves, and what the versions are."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from blemish.dashboard.compare import comparison_charts
from blemish.dashboard.compare.comparison import Comparison
from blemish.dashboard.compare.paired_metrics import PairedMetric, by_class, pooled
from blemish.dashboard.compare.version_pair import Pair
from blemish.registry import Version


def show(pair: Pair, comparison: Comparison) -> None:
    """Show the strip: who is better, by how much, how sure."""
    columns = st.columns(5)
    dice = next((figure for figure in comparison.paired_metrics if figure.name == "Dice"), None)
    with columns[0]:
        _metric_of(pair.a.letter, dice, comparison, lambda figure: figure.a)
    with columns[1]:
        _metric_of(pair.b.letter, dice, comparison, lambda figure: figure.b)
    with columns[2]:
        _difference(dice)
    with columns[3]:
        _pairwise("Size, A | B", [_megabytes(side.version) for side in pair.sides], "MB", ".2f")
    with columns[4]:
        latency = [side.version.latency_ms for side in pair.sides]
        note = "Of one tile, as measured when the version was registered."
        _pairwise("Latency, A | B", latency, "ms", ".1f", note)


def _metric_of(
    letter: str,
    dice: PairedMetric | None,
    comparison: Comparison,
    read: Callable[[PairedMetric], float],
) -> None:
    label = f"Dice of {letter}, pooled"
    if dice is not None:
        interval = dice.interval_a if letter == "A" else dice.interval_b
        note = f"95 %: {interval.low:.3f} to {interval.high:.3f}" if interval else "one group"
        st.metric(
            label, f"{read(dice):.3f}", note, delta_color="off", delta_arrow="off", border=True
        )
        return
    judged = [one for one in comparison.compared if one.a is not None]
    if not judged:
        seen = bool(comparison.compared)
        value, note = ("no truth", "images without masks") if seen else ("-", "none seen yet")
        st.metric(label, value, note, delta_color="off", delta_arrow="off", border=True)
        return
    so_far = pooled(one.a if letter == "A" else one.b for one in judged).dice
    st.metric(label, f"{so_far:.3f}", f"{len(judged)} images so far", delta_color="off",
              delta_arrow="off", border=True)  # fmt: skip


def _difference(dice: PairedMetric | None) -> None:
    if dice is None:
        st.metric("B minus A, paired", "-", "once all are seen", delta_color="off",
                  delta_arrow="off", border=True)  # fmt: skip
        return
    interval = dice.interval_difference
    note = f"95 %: {interval.low:+.3f} to {interval.high:+.3f}" if interval else "one group"
    st.metric(
        "B minus A, paired", f"{dice.difference:+.3f}", note, delta_color="off", delta_arrow="off",
        border=True, help="Both versions on the same images, resampled by group 500 times.",
    )  # fmt: skip


def _pairwise(label: str, values: list[float | None], unit: str, spec: str, note: str = "") -> None:
    """Show one figure of each version, and the second as a share of the first."""
    text = " | ".join("-" if value is None else f"{value:{spec}}" for value in values)
    a, b = values
    share = "not known" if a is None or b is None else f"B takes {b / a:.0%} of A"
    st.metric(
        label, f"{text} {unit}", share, delta_color="off", delta_arrow="off", border=True,
        help=note or None,
    )  # fmt: skip


def _megabytes(version: Version) -> float | None:
    return None if version.size_bytes is None else version.size_bytes / 1e6


def show_curves(pair: Pair, comparison: Comparison) -> None:
    """Show precision over recall, Dice over threshold, Dice by class, and pooled metrics."""
    if not comparison.done:
        st.info(
            "The curves come once both versions have seen every image.", icon=":material/hourglass:"
        )
        return
    if not any(one.a for one in comparison.compared):
        st.info("Curves need masks, and these images have none.", icon=":material/image:")
        return
    curves = [
        (side.title, sweep) for side, sweep in zip(pair.sides, comparison.sweeps, strict=True)
    ]
    left, right = st.columns(2)
    with left:
        st.markdown("##### Precision and recall")
        st.altair_chart(
            comparison_charts.precision_recall(curves),
            alt="Precision over recall of both versions.",
        )
    with right:
        st.markdown("##### Dice at every threshold")
        own = [side.model.card.point.threshold for side in pair.sides]
        st.altair_chart(
            comparison_charts.dice_by_threshold(curves, own),
            alt="Dice over threshold of both versions, with their own thresholds.",
        )
        st.caption("Dashed: the threshold that each version carries, chosen on validation images.")
    _show_classes_and_figures(pair, comparison)


def _show_classes_and_figures(pair: Pair, comparison: Comparison) -> None:
    left, right = st.columns(2)
    rows = by_class(comparison.compared)
    with left:
        if rows:
            st.markdown("##### By class")
            names = (pair.a.title, pair.b.title)
            st.altair_chart(
                comparison_charts.bars_by_class(rows, names), alt="Dice by class of both versions."
            )
            st.caption("Over the images that show the class; in brackets how many.")
    with right:
        st.markdown("##### Pooled over all pixels")
        st.dataframe(
            _metric_table(comparison.paired_metrics), hide_index=True, alt="Pooled metrics."
        )


def _metric_table(paired_metrics: tuple[PairedMetric, ...]) -> pd.DataFrame:
    def cell(value: float, interval: tuple[float, float] | None, sign: str = "") -> str:
        text = f"{value:{sign}.3f}"
        return (
            text
            if interval is None
            else f"{text}  ({interval[0]:{sign}.3f} to {interval[1]:{sign}.3f})"
        )

    return pd.DataFrame(
        {
            "Metric": [f.name for f in paired_metrics],
            "A (95 %)": [cell(f.a, f.interval_a) for f in paired_metrics],
            "B (95 %)": [cell(f.b, f.interval_b) for f in paired_metrics],
            "B minus A, paired (95 %)": [
                cell(f.difference, f.interval_difference, "+") for f in paired_metrics
            ],
        }
    )


def show_versions(pair: Pair) -> None:
    """Show what the versions are, and which parameters differ."""
    a, b = (side.version for side in pair.sides)
    st.dataframe(
        pd.DataFrame(
            {"": list(_facts(a)), "A": list(_facts(a).values()), "B": list(_facts(b).values())}
        ),
        hide_index=True,
        alt="Facts of both versions.",
    )
    names = sorted(set(a.params) | set(b.params))
    differing = [name for name in names if a.params.get(name) != b.params.get(name)]
    if not differing:
        st.caption("Both were made with the same parameters.")
        return
    st.markdown(f"##### Parameters that differ ({len(differing)} of {len(names)})")
    st.dataframe(
        pd.DataFrame(
            {
                "Parameter": differing,
                "A": [str(a.params.get(name, "-")) for name in differing],
                "B": [str(b.params.get(name, "-")) for name in differing],
            }
        ),
        hide_index=True,
        alt="Parameters that differ.",
    )


def _facts(version: Version) -> dict[str, str]:
    dirty = " (with changes of its own)" if version.git_dirty else ""
    return {
        "Version": str(version.version),
        "Aliases": ", ".join(version.aliases) or "-",
        "Precision": version.precision,
        "Registered": f"{version.created:%Y-%m-%d %H:%M} UTC",
        "Git commit": (version.git_commit or "-")[:12] + dirty,
        "Fingerprint": (version.fingerprint or "-")[:12],
        "SHA-256": (version.sha256 or "-")[:12],
        "Run": version.run_id or "-",
    } | {name: f"{value:.4f}" for name, value in sorted(version.metrics.items())[:12]}
