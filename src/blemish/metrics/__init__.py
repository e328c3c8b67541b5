"""How well predictions match the truth: pixels, contours, objects, images, and how sure we are."""

from blemish.metrics.image_rows import ImageRow, read_image_rows, write_image_rows
from blemish.metrics.images import image_score, weighted_auroc
from blemish.metrics.intervals import (
    Interval,
    binomial_bound,
    group_draws,
    group_weights,
    percentile_interval,
)
from blemish.metrics.objects import ObjectCounts, boundary_f_score, count_objects, coverage
from blemish.metrics.parts import PairedCalls, PairedShare
from blemish.metrics.pixels import Counts, count
from blemish.metrics.thresholds import ReliabilityBin, Sweep, ThresholdHistogram

__all__ = [
    "Counts",
    "ImageRow",
    "Interval",
    "ObjectCounts",
    "PairedCalls",
    "PairedShare",
    "ReliabilityBin",
    "Sweep",
    "ThresholdHistogram",
    "binomial_bound",
    "boundary_f_score",
    "count",
    "count_objects",
    "coverage",
    "group_draws",
    "group_weights",
    "image_score",
    "percentile_interval",
    "read_image_rows",
    "weighted_auroc",
    "write_image_rows",
]
