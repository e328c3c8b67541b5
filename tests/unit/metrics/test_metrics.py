import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import cdist
from skimage import measure, segmentation
from sklearn import metrics as sk
from torchmetrics.functional import classification as tm
from torchmetrics.functional.segmentation import dice_score

from blemish import metrics
from blemish.arrays import Mask
from blemish.errors import ShapeError
from blemish.metrics.pixels import overlap_of

shapes = st.tuples(st.integers(1, 12), st.integers(1, 12))


@st.composite
def mask_pairs(draw: st.DrawFn) -> tuple[Mask, Mask]:
    """Two masks of one shape: noise, nothing, everything, or blobs."""
    shape = draw(shapes)
    kinds = st.one_of(
        hnp.arrays(np.bool_, shape),
        st.just(np.zeros(shape, bool)),
        st.just(np.ones(shape, bool)),
        hnp.arrays(np.bool_, shape, elements=st.just(value=False), fill=st.just(value=True)),
    )
    return draw(kinds), draw(kinds)


pair = mask_pairs()


@given(pair)
def test_overlap_equals_scikit_learn(masks: tuple[Mask, Mask]) -> None:
    """Dice, IoU, precision and recall are scikit-learn's, with our values for empty masks."""
    predicted, truth = masks
    flat, empty = (truth.ravel(), predicted.ravel()), float(not (predicted | truth).any())
    counts = metrics.count(predicted, truth)
    table = overlap_of(*np.array([[counts.tp], [counts.fp], [counts.fn]]))
    oracles = {
        "dice": sk.f1_score,
        "iou": sk.jaccard_score,
        "precision": sk.precision_score,
        "recall": sk.recall_score,
    }
    for name, theirs in oracles.items():
        expected = theirs(*flat, zero_division=empty)
        assert getattr(counts, name) == pytest.approx(expected, abs=1e-6)
        assert table[name][0] == pytest.approx(expected, abs=1e-6)


@given(pair)
def test_overlap_equals_torchmetrics(masks: tuple[Mask, Mask]) -> None:
    """Where any mask holds a pixel, the metrics are torchmetrics' too."""
    predicted, truth = (torch.from_numpy(mask.astype(np.int64)) for mask in masks)
    ours = metrics.count(*masks)
    tp, fp, tn, fn, _ = tm.binary_stat_scores(predicted, truth).tolist()
    assert (ours.tp, ours.fp, ours.tn, ours.fn) == (tp, fp, tn, fn)
    if tp + fp + fn:
        assert ours.dice == pytest.approx(float(tm.binary_f1_score(predicted, truth)), abs=1e-6)
        assert ours.iou == pytest.approx(float(tm.binary_jaccard_index(predicted, truth)), abs=1e-6)
        score = dice_score(predicted[None, None], truth[None, None], num_classes=1)
        assert ours.dice == pytest.approx(float(score.squeeze()), abs=1e-6)


def test_empty_masks_have_the_values_said() -> None:
    """Nothing marked where nothing is, is perfect; one empty side is a miss or a false alarm."""
    empty, full = np.zeros((3, 3), bool), np.ones((3, 3), bool)
    for name in ("dice", "iou", "precision", "recall"):
        assert getattr(metrics.count(empty, empty), name) == 1.0
        assert getattr(metrics.count(empty, full), name) == 0.0
        assert getattr(metrics.count(full, empty), name) == 0.0
    assert metrics.boundary_f_score(empty, empty, tolerance=1) == 1.0
    assert metrics.boundary_f_score(full, empty, tolerance=1) == 0.0
    assert metrics.count_objects(empty, empty.astype(int), overlap=0.5).f1 == 1.0
    assert metrics.count_objects(full, empty.astype(int), overlap=0.5).f1 == 0.0
    assert metrics.count_objects(empty, full.astype(int), overlap=0.5).f1 == 0.0


@given(st.lists(pair, min_size=1, max_size=4))
def test_pooled_counts_are_those_of_all_pixels_together(masks: list[tuple[Mask, Mask]]) -> None:
    """Adding the counts of images gives the metrics of one long image."""
    together = tuple(np.concatenate([m[k].ravel() for m in masks]) for k in (0, 1))
    assert sum((metrics.count(*m) for m in masks), metrics.Counts()) == metrics.count(*together)


@given(pair)
def test_counts_refuse_other_shapes_and_types(masks: tuple[Mask, Mask]) -> None:
    """A mask of another shape, or one that is not bool, is a ShapeError."""
    predicted, truth = masks
    with pytest.raises(ShapeError):
        metrics.count(predicted, np.pad(truth, 1))
    with pytest.raises(ShapeError):
        metrics.count(predicted.astype(np.uint8), truth)  # type: ignore[arg-type]  # on purpose


def contour_points(mask: Mask) -> npt.NDArray[np.intp]:
    """Contour by scikit-image, with the image's edge as outside."""
    padded = segmentation.find_boundaries(np.pad(mask, 1), connectivity=1, mode="inner")
    return np.argwhere(padded[1:-1, 1:-1])


@given(pair, st.sampled_from([0.0, 1.0, 1.5, 3.0]))
def test_boundary_f_score_equals_all_distances(masks: tuple[Mask, Mask], tolerance: float) -> None:
    """The score is that of every distance between scikit-image's contours."""
    predicted, truth = masks
    ours = metrics.boundary_f_score(predicted, truth, tolerance=tolerance)
    if not predicted.any() or not truth.any():
        assert ours == float(predicted.any() == truth.any())
        return
    distances = cdist(contour_points(predicted), contour_points(truth))
    precision = (distances.min(axis=1) <= tolerance).mean()
    recall = (distances.min(axis=0) <= tolerance).mean()
    total = precision + recall
    assert ours == pytest.approx(2 * precision * recall / total if total else 0.0, abs=1e-6)


@given(pair, st.sampled_from([0.1, 0.5, 1.0]))
def test_objects_equal_regions_of_scikit_image(masks: tuple[Mask, Mask], overlap: float) -> None:
    """Defects found and marks that are right follow from scikit-image's labelled regions."""
    predicted, truth = masks
    instances = measure.label(truth, connectivity=2)
    found = [predicted[tuple(r.coords.T)].mean() for r in measure.regionprops(instances)]
    marks = measure.regionprops(measure.label(predicted, connectivity=2))
    pure = [truth[tuple(r.coords.T)].mean() for r in marks]
    ours = metrics.count_objects(predicted, instances, overlap=overlap)
    assert ours.found == sum(share >= overlap for share in found)
    assert ours.missed == len(found) - ours.found
    assert ours.right == sum(share >= overlap for share in pure)
    assert ours.false == len(pure) - ours.right
    np.testing.assert_allclose(metrics.coverage(predicted, instances), found, atol=1e-6)


def test_a_scratch_found_in_two_pieces_is_found_once() -> None:
    """Pieces of one defect are each right, and the defect counts once."""
    truth = np.zeros((5, 20), int)
    truth[2] = 1
    predicted = np.zeros((5, 20), bool)
    predicted[2, :8] = predicted[2, 12:] = True
    counts = metrics.count_objects(predicted, truth, overlap=0.5)
    assert (counts.found, counts.missed, counts.right, counts.false) == (1, 0, 2, 0)
    assert counts.f1 == 1.0


scored = st.lists(
    st.tuples(st.integers(0, 8).map(lambda k: k / 8), st.booleans()), min_size=1, max_size=30
)


@given(scored)
def test_auroc_equals_scikit_learn(images: list[tuple[float, bool]]) -> None:
    """The area under the curve is scikit-learn's, ties included; undefined for one kind only."""
    scores, labels = zip(*images, strict=True)
    once = np.ones((1, len(images)))
    ours = metrics.weighted_auroc(np.array(scores), np.array(labels), once)[0]
    if len(set(labels)) < 2:
        assert math.isnan(ours)
    else:
        assert ours == pytest.approx(sk.roc_auc_score(labels, scores), abs=1e-6)


@given(scored, st.integers(0, 1000))
def test_weighted_auroc_equals_repeated_images(images: list[tuple[float, bool]], seed: int) -> None:
    """A weight of k is the same as the image k times, which is what a bootstrap draws."""
    scores, labels = (np.array(values) for values in zip(*images, strict=True))
    weights = np.random.default_rng(seed).integers(0, 4, len(scores))
    ours = metrics.weighted_auroc(scores, labels, weights[None].astype(float))[0]
    once = np.ones((1, weights.sum()))
    repeated = metrics.weighted_auroc(np.repeat(scores, weights), np.repeat(labels, weights), once)
    assert ours == pytest.approx(repeated[0], abs=1e-6, nan_ok=True)


@given(hnp.arrays(np.float32, shapes, elements=st.floats(0, 1, width=32)))
def test_image_score_is_the_mean_of_the_ten_highest(probability: npt.NDArray[np.float32]) -> None:
    """One hot pixel does not make a defect; ten do."""
    expected = np.sort(probability.ravel().astype(np.float64))[-10:].mean()
    assert metrics.image_score(probability) == pytest.approx(expected, abs=1e-6)


@st.composite
def predictions(draw: st.DrawFn) -> tuple[npt.NDArray[np.float32], Mask]:
    shape = draw(shapes)
    elements = st.one_of(st.floats(0, 1, width=32), st.integers(0, 1024).map(lambda k: k / 1024))
    return (
        draw(hnp.arrays(np.float32, shape, elements=elements)),
        draw(st.one_of(hnp.arrays(np.bool_, shape), st.just(np.zeros(shape, bool)))),
    )


@settings(max_examples=60)
@given(st.lists(predictions(), min_size=1, max_size=3))
def test_sweep_equals_comparing_every_pixel(
    images: list[tuple[npt.NDArray[np.float32], Mask]],
) -> None:
    """The histogram gives, at every threshold, the counts of comparing pixels with it."""
    histogram = metrics.ThresholdHistogram()
    for probability, truth in images:
        histogram.add(probability, truth)
    sweep = histogram.sweep()
    for k in (0, 1, 100, 511, 512, 1022):
        limit = np.float32(sweep.threshold[k])
        counts = sum((metrics.count(p >= limit, t) for p, t in images), metrics.Counts())
        assert histogram.counts(float(limit)) == counts
        assert sweep.dice[k] == pytest.approx(counts.dice, abs=1e-6)
        assert sweep.iou[k] == pytest.approx(counts.iou, abs=1e-6)
        assert sweep.precision[k] == pytest.approx(counts.precision, abs=1e-6)
        assert sweep.recall[k] == pytest.approx(counts.recall, abs=1e-6)


@settings(max_examples=60)
@given(predictions())
def test_calibration_error_equals_torchmetrics(
    image: tuple[npt.NDArray[np.float32], Mask],
) -> None:
    """The expected calibration error over 16 bins is torchmetrics', away from the bins' ends."""
    probability, truth = image
    inside = np.clip((np.floor(probability * 16) + 0.5) / 16, 0, 1 - 1 / 32).astype(np.float32)
    histogram = metrics.ThresholdHistogram()
    histogram.add(inside, truth)
    theirs = tm.binary_calibration_error(
        torch.from_numpy(inside.ravel()), torch.from_numpy(truth.ravel().astype(np.int64)), 16
    )
    assert histogram.expected_calibration_error() == pytest.approx(float(theirs), abs=1e-6)


def test_reliability_says_how_often_a_sure_pixel_is_right() -> None:
    """Bins hold pixels, mean probability and share of defects; empty bins are left out."""
    histogram = metrics.ThresholdHistogram()
    histogram.add(np.array([0.9, 0.9, 0.9, 0.1], np.float32), np.array([True, True, False, False]))
    low, high = histogram.reliability(4)
    assert (low.pixels, low.frequency) == (1, 0.0)
    assert (high.pixels, high.frequency) == (3, pytest.approx(2 / 3))
    assert high.confidence == pytest.approx(0.9)
    with pytest.raises(ShapeError):
        histogram.reliability(7)


@pytest.mark.parametrize("value", [np.nan, -0.1, 1.1])
def test_histogram_refuses_what_is_no_probability(value: float) -> None:
    """NaN or a value outside 0 to 1 is refused rather than counted somewhere."""
    with pytest.raises(ShapeError):
        metrics.ThresholdHistogram().add(np.array([value], np.float32), np.array([True]))


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    """Over 200 made-up test sets of grouped images, about 95 % of the intervals hold the mean."""
    rng = np.random.default_rng(1)
    covered = 0
    for seed in range(200):
        by_group = rng.normal(0.5, 0.1, 40)
        values = np.repeat(by_group, 3) + rng.normal(0, 0.02, 120)
        groups = [f"part{k // 3}" for k in range(120)]
        weights = metrics.group_weights(groups, resamples=400, seed=seed)
        interval = metrics.percentile_interval(weights @ values / weights.sum(axis=1))
        assert interval is not None
        covered += interval.low <= 0.5 <= interval.high
    assert 0.89 <= covered / 200 <= 0.99


def test_images_of_one_group_are_drawn_together() -> None:
    """No resample takes one image of a part and leaves its other one out."""
    weights = metrics.group_weights(["b", "a", "b", "c"], resamples=50, seed=3)
    assert weights.shape == (50, 4)
    assert (weights[:, 0] == weights[:, 2]).all()
    parts = weights[:, [0, 1, 3]].sum(axis=1)
    assert (parts == 3).all()
    again = metrics.group_weights(["b", "a", "b", "c"], resamples=50, seed=3)
    assert np.array_equal(weights, again)
    with pytest.raises(ShapeError):
        metrics.group_weights([], resamples=1, seed=0)


def test_an_undefined_metric_has_no_interval() -> None:
    """Resamples in which a metric is undefined are left out; none left gives no interval."""
    assert metrics.percentile_interval(np.full(9, np.nan)) is None
    interval = metrics.percentile_interval(np.array([np.nan, 1.0, 1.0]))
    assert interval == (1.0, 1.0)


def test_thresholds_ascend_by_one_part_in_1024() -> None:
    """Every threshold offered is exact in float32, so that comparing with it is exact too."""
    thresholds = metrics.ThresholdHistogram().sweep().threshold
    assert all(b - a == 1 / 1024 for a, b in pairwise(thresholds))
    assert (thresholds.astype(np.float32) == thresholds).all()
