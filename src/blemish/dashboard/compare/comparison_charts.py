"""The charts; colours come from the theme, so that light and dark both read well."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from blemish.metrics import Sweep

_HEIGHT = 280

Curves = Sequence[tuple[str, Sweep]]


def precision_recall(curves: Curves) -> alt.Chart:
    """Precision over recall, a line for each version."""
    table = _table(curves).dropna().sort_values(["version", "threshold"])
    axis = alt.Scale(domain=[0, 1])
    chart: alt.Chart = (
        alt.Chart(table, height=_HEIGHT)
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X("recall", title="Recall", scale=axis),
            y=alt.Y("precision", title="Precision", scale=axis),
            order="threshold",
            color=_colour(curves),
            tooltip=[
                "version",
                alt.Tooltip("threshold", format=".3f"),
                alt.Tooltip("precision", format=".3f"),
                alt.Tooltip("recall", format=".3f"),
            ],
        )
    )
    return chart


def dice_by_threshold(curves: Curves, own: Sequence[float]) -> alt.LayerChart:
    """Pooled Dice at every threshold, and where each version's own threshold stands."""
    line = (
        alt.Chart(_table(curves))
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X("threshold", title="Threshold", scale=alt.Scale(domain=[0, 1])),
            y=alt.Y("dice", title="Dice, pooled", scale=alt.Scale(domain=[0, 1])),
            color=_colour(curves),
            tooltip=[
                "version",
                alt.Tooltip("threshold", format=".3f"),
                alt.Tooltip("dice", format=".3f"),
            ],
        )
    )
    marks = pd.DataFrame({"version": [name for name, _ in curves], "threshold": own})
    rule = (
        alt.Chart(marks)
        .mark_rule(strokeDash=[4, 4], strokeWidth=1.5)
        .encode(x="threshold", color=_colour(curves))
    )
    return alt.LayerChart(layer=[line, rule], height=_HEIGHT)


def bars_by_class(
    rows: Sequence[tuple[str, float, float, int]], names: tuple[str, str]
) -> alt.Chart:
    """Pooled Dice of each class, a bar for each version."""
    table = pd.DataFrame(
        [
            {"class": f"{name} ({images})", "version": version, "dice": dice}
            for name, a, b, images in rows
            for version, dice in zip(names, (a, b), strict=True)
        ]
    )
    chart: alt.Chart = (
        alt.Chart(table, height=_HEIGHT)
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            x=alt.X("class", title=None, axis=alt.Axis(labelAngle=-45, labelOverlap=False)),
            xOffset=alt.XOffset("version", sort=list(names)),
            y=alt.Y("dice", title="Dice, pooled", scale=alt.Scale(domain=[0, 1])),
            color=alt.Color("version", title=None, sort=list(names), legend=_LEGEND),
            tooltip=["class", "version", alt.Tooltip("dice", format=".3f")],
        )
    )
    return chart


_LEGEND = alt.Legend(orient="top", title=None)


def _colour(curves: Curves) -> alt.Color:
    return alt.Color("version", title=None, sort=[name for name, _ in curves], legend=_LEGEND)


def _table(curves: Curves) -> pd.DataFrame:
    columns = ("threshold", "dice", "precision", "recall")
    frames = [
        pd.DataFrame({"version": name} | {column: getattr(sweep, column) for column in columns})
        for name, sweep in curves
    ]
    return pd.concat(frames, ignore_index=True)
