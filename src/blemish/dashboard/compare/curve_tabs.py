"""The tabs beside the images: curves of both versions, and what the versions are."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from blemish.dashboard import page_cache
from blemish.dashboard.compare import comparison_charts
from blemish.dashboard.compare.compared_images import ComparedImage
from blemish.dashboard.compare.comparison_view import ComparisonView
from blemish.dashboard.compare.paired_metrics import (
    PairedMetric,
    by_class,
    paired_metrics,
    sweep,
)
from blemish.dashboard.compare.version_pair import Pair
from blemish.dashboard.local_times import both_times, local_zone
from blemish.dashboard.page_errors import plain
from blemish.dashboard.terms import meaning, meanings
from blemish.dashboard.tested_images import tested_on, validated_on
from blemish.registry import Version
from blemish.sets.layout import SYNTHETIC
from blemish.store.run_params import read_param

# What a person decides by, of all that a run records, in plain words.
_METRICS = {
    "test_dice": "Overlap with the truth (Dice), test images",
    "test_iou": "Intersection over union (IoU), test images",
    "test_precision": "Marked pixels that are defective",
    "test_recall": "Defective pixels that are marked",
    "test_image_auroc": "Order of the images by their highest probability (AUROC)",
    "test_false_alarm_rate": "Defect-free test images with a mark",
    "clean_marked_share": "Defect-free test images of real sets with a mark",
    "clean_marked_bound": "Defect-free test images of real sets with a mark, at most (95 %)",
    "synthetic_dice": "Overlap with the truth (Dice), synthetic images",
    "val_dice": "Overlap with the truth (Dice), validation images",
}


def show_curves(view: ComparisonView) -> None:
    """Show precision over recall, overlap over threshold and by class, and the pooled metrics."""
    measured = view.measured
    if not measured:
        st.info("Curves need masks, and these images have none.", icon=":material/image:")
        return
    st.caption(f"All of {len(measured)} images of {plain(view.sets)}.")
    curves = [
        (side.title, sweep(measured, view.comparison.grid, number))
        for number, side in enumerate(view.pair.sides)
    ]
    left, right = st.columns(2)
    with left:
        st.markdown("##### Precision and recall", help=meaning("precision and recall"))
        st.altair_chart(
            comparison_charts.precision_recall(curves),
            alt="Precision over recall of both versions.",
        )
    with right:
        st.markdown(
            "##### Overlap with the truth (Dice) at every threshold",
            help=meanings("Dice", "operating point"),
        )
        st.altair_chart(
            comparison_charts.dice_by_threshold(curves, view.thresholds),
            alt="Dice over threshold of both versions, with the thresholds in use.",
        )
        st.caption("Dashed: the thresholds in use.")
    judged = [one for one in view.counted if one.a is not None]
    _show_classes_and_metrics(view.pair, judged)


def _show_classes_and_metrics(pair: Pair, judged: Sequence[ComparedImage]) -> None:
    left, right = st.columns(2)
    rows = by_class(judged)
    with left:
        if rows:
            st.markdown("##### By class", help=meanings("class", "Dice"))
            names = (pair.a.title, pair.b.title)
            st.altair_chart(
                comparison_charts.bars_by_class(rows, names), alt="Dice by class of both versions."
            )
            st.caption("Over the images that show the class; in brackets how many.")
    with right:
        st.markdown(
            "##### Pooled over all pixels",
            help=meanings("Dice", "IoU", "precision and recall", "interval", "paired"),
        )
        st.dataframe(_metric_table(paired_metrics(judged)), hide_index=True, alt="Pooled metrics.")


def _metric_table(metrics: Sequence[PairedMetric]) -> pd.DataFrame:
    heads = ["Metric", "A (95 %)", "B (95 %)", "B minus A, on the same images (95 %)"]
    return pd.DataFrame([(one.words, *one.texts(digits=3)) for one in metrics], columns=heads)


def show_versions(pair: Pair) -> None:
    """Show what the versions are, and which parameters differ."""
    a, b = (side.version for side in pair.sides)
    st.markdown("##### Facts", help=meanings("precision", "latency", "fingerprint"))
    st.dataframe(
        fact_table(a, b),
        hide_index=True,
        alt="Facts of both versions.",
    )
    names = sorted(set(a.params) | set(b.params))
    differing = [name for name in names if _param(a, name) != _param(b, name)]
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


def _param(version: Version, name: str) -> object:
    """Return a parameter's value, whichever way its run wrote it; None where it has none."""
    text = version.params.get(name)
    return None if text is None else (read_param(text),)


def fact_table(a: Version, b: Version) -> pd.DataFrame:
    """Return what two versions are, a row for each fact that either has."""
    facts = _facts(a), _facts(b)
    rows = list(facts[0] | facts[1])
    columns = {
        letter: [found.get(row, "-") for row in rows]
        for letter, found in zip("AB", facts, strict=True)
    }
    return pd.DataFrame({"": rows} | columns)


def _facts(version: Version) -> dict[str, str]:
    dirty = " (with changes of its own)" if version.git_dirty else ""
    size = "-" if version.size_bytes is None else f"{version.size_bytes / 1e6:.2f} MB"
    latency = "-" if version.latency_ms is None else f"{version.latency_ms:.1f} ms for one tile"
    return {
        "Version": str(version.version),
        "Aliases": ", ".join(version.aliases) or "-",
        "Number format": version.precision or "-",
        "Size": size,
        "Latency, when registered": latency,
        "Registered": both_times(version.created, local_zone()),
        "Git commit": (version.git_commit or "-")[:12] + dirty,
        "Fingerprint": (version.fingerprint or "-")[:12],
        "SHA-256": (version.sha256 or "-")[:12],
        "Run": version.run_id or "-",
        "Its metrics are of": tested_on(version),
    } | {
        text: f"{version.metrics[name]:.4f} ({_sets_of(name, version)})"
        for name, text in _METRICS.items()
        if name in version.metrics
    }


def _sets_of(metric: str, version: Version) -> str:
    """Return the names of the sets that a metric of a version's run is of."""
    if metric == "synthetic_dice":
        return SYNTHETIC
    if metric == "val_dice":
        return validated_on(version)
    headline = page_cache.headline(version)
    if headline is None:
        return "sets not recorded"
    return ", ".join(headline.free_sets if metric.startswith("clean_") else headline.sets)
