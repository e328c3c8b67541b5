"""A comparison as one HTML file: metrics, curves and the images that differ most."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
from jinja2 import Environment, FileSystemLoader

from blemish.dashboard.compare.compared_images import ComparedImage, ordered, paired_calls
from blemish.dashboard.compare.comparison_view import ComparisonView
from blemish.dashboard.compare.decision_summary import table
from blemish.dashboard.compare.paired_metrics import by_class, paired_metrics, sweep
from blemish.dashboard.viewer import image_url
from blemish.visualization import create_heatmap, overlay_outline, overlay_truth

_IMAGES = 8
_POINTS = 200  # of a curve; more are not seen

Values = npt.NDArray[np.float64]


def compose(view: ComparisonView, shown: ComparedImage) -> str:
    """Return a page that needs nothing but itself, and runs no script.

    Args:
        view: The comparison as the person sees it.
        shown: The image that the person looked at; it comes first.
    """
    calls = paired_calls(view.counted)
    others = [one for one in ordered(view.counted, "result") if one.index != shown.index]
    page = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    return page.get_template("comparison_report.html").render(
        pair=view.pair,
        collection=view.collection,
        counted=len(view.counted),
        sets=view.sets,
        remarks=view.remarks,
        now=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC.",
        versions=list(_versions(view)),
        decisions=table(view.pair, calls.by_part(), calls, (), view.sets) if len(calls) else "",
        metrics=list(_metrics(view)),
        curves=list(_curves(view)),
        classes=[(name, f"{a:.4f}", f"{b:.4f}", n) for name, a, b, n in by_class(view.counted)],
        images=[(one, list(_panes(view, one))) for one in (shown, *others[: _IMAGES - 1])],
    )


def _versions(view: ComparisonView) -> Iterator[tuple[str, ...]]:
    sides = view.pair.sides
    points = [side.model.card.point for side in sides]
    yield "Chosen as", *(side.name for side in sides)
    yield "Number format", *(side.version.precision for side in sides)
    yield "Threshold used here", *(f"{threshold:.4f}" for threshold in view.thresholds)
    yield "Threshold of its own", *(f"{point.threshold:.4f}" for point in points)
    yield "Peak", *(f"{point.peak:.4f}" for point in points)
    yield "Size, bytes", *(_known(side.version.size_bytes) for side in sides)
    yield "Latency, ms", *(_known(side.version.latency_ms) for side in sides)
    yield "Git commit", *(side.version.git_commit for side in sides)
    yield "SHA-256", *(side.version.sha256 for side in sides)


def _known(value: float | None) -> str:
    return "not known" if value is None else f"{value:g}" if value % 1 else f"{value:.0f}"


def _metrics(view: ComparisonView) -> Iterator[tuple[str, ...]]:
    for metric in paired_metrics(view.counted):
        yield metric.words, *metric.texts(digits=4)


def _curves(view: ComparisonView) -> Iterator[tuple[str, list[str]]]:
    """Yield title and, for each version, the points of a polyline in the drawing's coordinates."""
    measured = view.measured
    if not measured:
        return
    sweeps = [sweep(measured, view.comparison.grid, side) for side in (0, 1)]
    for title, x, y in (
        ("Precision over recall", "recall", "precision"),
        ("Dice over threshold", "threshold", "dice"),
    ):
        yield title, [_points(getattr(one, x), getattr(one, y)) for one in sweeps]


def _points(x: Values, y: Values) -> str:
    known = np.flatnonzero(np.isfinite(y))
    chosen = known[np.unique(np.linspace(0, len(known) - 1, _POINTS).astype(int))]
    return " ".join(f"{40 + 300 * x[i]:.1f},{220 - 200 * y[i]:.1f}" for i in chosen)


def _panes(view: ComparisonView, one: ComparedImage) -> Iterator[tuple[str, str]]:
    """Yield what is shown of an image, by title, as the address of an image."""
    image = view.collection.image(one.index)
    yield "Original", image_url(image.plane)
    masks = []
    for side, threshold in zip(view.pair.sides, view.thresholds, strict=True):
        probability = side.model.probability(image.plane, prepared=image.prepared)
        mask = side.point_at(threshold).mark(probability)
        masks.append(mask)
        marked = (
            overlay_outline(image.plane, mask)
            if image.truth is None
            else overlay_truth(image.plane, mask, image.truth)
        )
        yield f"{side.letter}, heatmap", image_url(create_heatmap(probability))
        yield f"{side.letter}, marks", image_url(marked)
    yield "Where they differ", image_url(overlay_truth(image.plane, masks[0], masks[1]))
