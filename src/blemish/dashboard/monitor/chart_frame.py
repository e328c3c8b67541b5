"""What all charts over time share: the axis in two time zones, limits, changes of the version."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from typing import Any

import altair as alt
import pandas as pd

from blemish.dashboard.local_times import both_times, is_utc, zone_name
from blemish.dashboard.monitor.version_changes import VersionChange
from blemish.monitoring.queries import Span

HEIGHT = 300
Layers = alt.LayerChart | alt.FacetChart  # what altair.layer returns
LEGEND = alt.Legend(orient="top", title=None)
_FAR = 3.0  # a limit so many times above all values would press them flat
_LIMIT_COLOUR, _CHANGE_COLOUR = "#e5484d", "#7a8494"
# The words of a limit stand below the chart: at its line they would lie over the values, and beside
# another legend they are cut off where the chart is narrow.
_LIMIT_KEY = alt.StrokeDash(
    "text:N",
    title=None,
    scale=alt.Scale(range=[[5, 4]]),
    legend=alt.Legend(
        orient="bottom",
        title=None,
        symbolType="stroke",
        symbolStrokeColor=_LIMIT_COLOUR,
        symbolSize=250,
        labelLimit=400,
    ),
)


@dataclass(frozen=True)
class Limit:
    """A limit and its words in the legend."""

    value: float
    text: str


@dataclass(frozen=True)
class ChartFrame:
    """A range of time with what happened in it.

    Attributes:
        span: The range; the axis shows all of it.
        changes: Changes of the version, drawn as upright lines.
        zone: Time zone of the reader, whose times stand beside UTC.
    """

    span: Span
    changes: tuple[VersionChange, ...]
    zone: tzinfo

    def time(self) -> alt.X:
        """Return the axis: UTC, and below it the local time where it is another."""
        is_a_day = self.span.end - self.span.start <= timedelta(days=1, minutes=30)
        layout = "%H:%M" if is_a_day else "%d %b"
        label, title = f"utcFormat(datum.value, '{layout}')", "UTC"
        if is_a_day and not is_utc(self.zone, self.span.end):
            label = f"[{label}, timeFormat(datum.value, '{layout}')]"
            title = f"UTC; below: {zone_name(self.zone, self.span.end)}"
        domain = [moment.isoformat() for moment in (self.span.start, self.span.end)]
        axis = alt.Axis(labelOverlap=True, tickCount=6, labelExpr=label, grid=False)
        return alt.X("time:T", title=title, scale=alt.Scale(type="utc", domain=domain), axis=axis)

    def tooltip(self) -> list[alt.Tooltip]:
        """Return the time under the pointer, in both zones."""
        return [alt.Tooltip("said:N", title="time")]

    def lines(
        self,
        rows: Sequence[dict[str, Any]],
        limit: Limit,
        axis: alt.Axis,
        colour: alt.Color | None = None,
        *,
        title: str | None = None,
    ) -> Layers:
        """Draw ``value`` over ``time``, with a limit.

        A limit far above all values is drawn at the top edge, and its words say so.

        Args:
            rows: Rows with ``time`` and ``value``.
            limit: Drawn dashed.
            axis: Axis of the values.
            colour: Colours by which several lines differ; None for one line.
            title: Title of the axis.
        """
        highest = max((row["value"] for row in rows), default=0.0)
        top = max(highest, min(limit.value, _FAR * highest) if highest else limit.value) * 1.08
        y = alt.Y("value:Q", title=title, axis=axis, scale=alt.Scale(domain=[0, top], nice=False))
        values = (
            alt.Chart(self.table(rows))
            .mark_line(point=len(rows) < 40, strokeWidth=2, clip=True)
            .encode(
                x=self.time(),
                y=y,
                tooltip=[alt.Tooltip("value:Q", format=axis_format(axis)), *self.tooltip()],
                **({} if colour is None else {"color": colour}),
            )
        )
        return self.compose(values, self._limit(limit, top, y))

    def compose(self, *layers: "alt.Chart | Layers") -> Layers:
        """Lay charts over each other, and the changes of the version over all of them."""
        changes = [self._changes()] if self.changes else []
        composed: Layers = alt.layer(*layers, *changes).properties(height=HEIGHT)
        return composed

    def table(self, rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
        """Return rows with a ``time`` as a table that also says the time in both zones."""
        return pd.DataFrame([row | {"said": both_times(row["time"], self.zone)} for row in rows])

    def _limit(self, limit: Limit, top: float, y: alt.Y) -> alt.Chart:
        drawn = min(limit.value, top)
        text = limit.text if drawn == limit.value else f"{limit.text}, above this chart \u25b2"
        chart: alt.Chart = (
            alt.Chart(pd.DataFrame([{"value": drawn, "text": text}]))
            .mark_rule(color=_LIMIT_COLOUR, strokeWidth=1.5)
            .encode(y=y, strokeDash=_LIMIT_KEY)
        )
        return chart

    def _changes(self) -> alt.Chart:
        rows = [
            {"time": one.time, "change": one.text, "said": both_times(one.time, self.zone)}
            for one in self.changes
        ]
        chart: alt.Chart = (
            alt.Chart(pd.DataFrame(rows))
            .mark_rule(color=_CHANGE_COLOUR, strokeWidth=2, clip=True)
            .encode(x=self.time(), tooltip=["change:N", *self.tooltip()])
        )
        return chart


def axis_format(axis: alt.Axis) -> str:
    """Return how a value is written in a tooltip of an axis."""
    return ".1%" if axis.to_dict().get("format") == "%" else ".1f"
