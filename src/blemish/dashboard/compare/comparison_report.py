"""A comparison as one HTML file: metrics, curves and the images that differ most."""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

import numpy as np
import numpy.typing as npt

from blemish.dashboard.compare.compared_images import ComparedImage, ordered, paired_calls
from blemish.dashboard.compare.comparison_view import ComparisonView
from blemish.dashboard.compare.decision_summary import table
from blemish.dashboard.compare.paired_metrics import (
    PairedMetric,
    by_class,
    paired_metrics,
    sweep,
)
from blemish.dashboard.compare.version_pair import Pair
from blemish.dashboard.viewer import image_url
from blemish.metrics import Interval
from blemish.visualization import create_heatmap, overlay_outline, overlay_truth

_IMAGES = 8
_COLOURS = ("#0b6bcb", "#c8500a")


def compose(view: ComparisonView, shown: ComparedImage) -> str:
    """Return a page that needs nothing but itself, and runs no script.

    Args:
        view: The comparison as the person sees it.
        shown: The image that the person looked at; it comes first.
    """
    pair, counted = view.pair, view.counted
    others = [one for one in ordered(counted, "result") if one.index != shown.index]
    name, number = view.collection.name, len(view.collection)
    parts = [
        f"<h1>Comparison of {escape(pair.a.title)} and {escape(pair.b.title)}</h1>",
        f"<p>{escape(name)}: {len(counted)} of {number} images. {_now()}</p>",
        _versions(pair, view.thresholds),
        _decisions(view),
        _metrics(paired_metrics(counted)),
        _curves(view),
        _classes(counted),
        "<h2>Where they differ</h2>",
        *(_image(view, one) for one in (shown, *others[: _IMAGES - 1])),
    ]
    return _PAGE.format(body="\n".join(part for part in parts if part))


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC."


def _versions(pair: Pair, thresholds: tuple[float, float]) -> str:
    rows = [
        ("Chosen as", [side.name for side in pair.sides]),
        ("Number format", [side.version.precision for side in pair.sides]),
        ("Threshold used here", [f"{threshold:.4f}" for threshold in thresholds]),
        ("Threshold of its own", [f"{side.model.card.point.threshold:.4f}" for side in pair.sides]),
        ("Peak", [f"{side.model.card.point.peak:.4f}" for side in pair.sides]),
        ("Size, bytes", [str(side.version.size_bytes) for side in pair.sides]),
        ("Latency, ms", [str(side.version.latency_ms) for side in pair.sides]),
        ("Git commit", [side.version.git_commit for side in pair.sides]),
        ("SHA-256", [side.version.sha256 for side in pair.sides]),
    ]
    return _table(["", "A", "B"], [[name, *values] for name, values in rows])


def _decisions(view: ComparisonView) -> str:
    images = paired_calls(view.counted)
    if not len(images):
        return ""
    return "<h2>Parts</h2>" + table(view.pair, images.by_part(), images, ())


def _metrics(metrics: Sequence[PairedMetric]) -> str:
    if not metrics:
        return "<p>The images have no masks, so there are no metrics.</p>"
    rows = [
        [
            figure.name,
            _with(figure.a, figure.interval_a),
            _with(figure.b, figure.interval_b),
            _with(figure.difference, figure.interval_difference, "+"),
        ]
        for figure in metrics
    ]
    heads = ["Pooled (95 % interval)", "A", "B", "B minus A, paired"]
    return "<h2>Metrics</h2>" + _table(heads, rows)


def _with(value: float, interval: Interval | None, sign: str = "") -> str:
    if interval is None:
        return f"{value:{sign}.4f}"
    return f"{value:{sign}.4f} ({interval.low:{sign}.4f} to {interval.high:{sign}.4f})"


def _curves(view: ComparisonView) -> str:
    measured = view.measured
    if not measured:
        return ""
    sweeps = [sweep(measured, view.comparison.grid, side) for side in (0, 1)]
    names = [side.title for side in view.pair.sides]
    legend = "".join(
        f'<span style="color:{colour}">&#9632; {escape(name)}</span> '
        for name, colour in zip(names, _COLOURS, strict=True)
    )
    return (
        f"<h2>Curves</h2><p>{legend}</p><div class='row'>"
        + _svg("Precision over recall", [(sweep.recall, sweep.precision) for sweep in sweeps])
        + _svg("Dice over threshold", [(sweep.threshold, sweep.dice) for sweep in sweeps])
        + "</div>"
    )


Values = npt.NDArray[np.float64]


def _svg(title: str, curves: Sequence[tuple[Values, Values]]) -> str:
    lines = []
    for (x, y), colour in zip(curves, _COLOURS, strict=True):
        chosen = np.unique(np.linspace(0, len(x) - 1, 200).astype(int))
        points = " ".join(f"{40 + 300 * x[i]:.1f},{220 - 200 * y[i]:.1f}" for i in chosen)
        style = f'fill="none" stroke="{colour}" stroke-width="2"'
        lines.append(f'<polyline points="{points}" {style}/>')
    marks = "".join(
        f'<text x="{40 + 300 * v}" y="236">{v:.1f}</text>'
        f'<text x="12" y="{224 - 200 * v}">{v:.1f}</text>'
        f'<path d="M40 {220 - 200 * v}H340" stroke="#ddd"/>'
        for v in (0, 0.5, 1)
    )
    return (
        f'<figure><svg viewBox="0 0 360 245" role="img" aria-label="{escape(title)}">{marks}'
        f"{''.join(lines)}</svg><figcaption>{escape(title)}</figcaption></figure>"
    )


def _classes(compared: Sequence[ComparedImage]) -> str:
    rows = [[name, f"{a:.4f}", f"{b:.4f}", str(count)] for name, a, b, count in by_class(compared)]
    heads = ["Class", "Dice A", "Dice B", "Images"]
    return "<h2>By class</h2>" + _table(heads, rows) if rows else ""


def _image(view: ComparisonView, one: ComparedImage) -> str:
    image = view.collection.image(one.index)
    panes = [("Original", image.plane)]
    masks = []
    for side, threshold in zip(view.pair.sides, view.thresholds, strict=True):
        probability = side.model.probability(image.plane, prepared=image.prepared)
        prediction = side.model.judge(probability, threshold, side.model.card.point.peak)
        masks.append(prediction.mask)
        marked = (
            overlay_outline(image.plane, prediction.mask)
            if image.truth is None
            else overlay_truth(image.plane, prediction.mask, image.truth)
        )
        panes += [
            (f"{side.letter}, heatmap", create_heatmap(prediction.probability)),
            (f"{side.letter}, marks", marked),
        ]
    panes.append(("Where they differ", overlay_truth(image.plane, masks[0], masks[1])))
    panels = "".join(
        f'<figure><img src="{image_url(pane)}" alt="{escape(title)}">'
        f"<figcaption>{escape(title)}</figcaption></figure>"
        for title, pane in panes
    )
    classes = ", ".join(one.entry.classes) or "defect-free"
    dice = f", Dice {one.a.dice:.3f} and {one.b.dice:.3f}" if one.a and one.b else ""
    return (
        f"<h3>{escape(one.entry.image_id)}</h3><p>{escape(classes)}; they differ on "
        f"{one.disagreement:.2%}{dice}.</p><div class='row'>{panels}</div>"
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(head)}</th>" for head in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Blemish: a comparison</title>
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<style>
body {{font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto; padding: 0 1rem;
 color: #1a2230; background: #fff}}
table {{border-collapse: collapse; margin: 1rem 0}}
th, td {{border-bottom: 1px solid #d5dbe4; padding: .3rem .9rem .3rem 0; text-align: left;
 font-variant-numeric: tabular-nums; overflow-wrap: anywhere}}
.row {{display: flex; flex-wrap: wrap; gap: .8rem}}
figure {{margin: 0; flex: 1 1 150px}} figcaption {{font-size: .85rem}}
img, svg {{width: 100%; height: auto}} svg text {{font-size: 10px; fill: #555}}
</style></head><body>
{body}
</body></html>
"""
