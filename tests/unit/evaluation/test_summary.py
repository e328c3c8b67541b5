"""Results of images become metrics, by defect, class and size."""

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import roc_auc_score
from unit.evaluation.tiny_evaluation import made_up_results, params

from blemish.evaluation.judging import judge_defects, judge_image, unique_ids
from blemish.evaluation.summary import (
    Table,
    by_defect,
    class_of,
    summarize,
    visibility_of,
    width_of,
)
from blemish.metrics import Counts, ObjectCounts
from blemish.operating_point import OperatingPoint
from blemish.packed import (
    Annotation,
    PackedDefect,
)


def test_false_marks_count_for_the_nearest_defect() -> None:
    """Counts by defect add up to those of the image."""
    instances = np.zeros((10, 30), np.uint16)
    instances[5, 2:6], instances[5, 24:28] = 1, 2
    predicted = np.zeros((10, 30), bool)
    predicted[5, 2:9] = True
    predicted[0, 29] = True
    first, second = judge_defects(
        predicted, instances, [PackedDefect("a", 4), PackedDefect("b", 4)], 0.5
    )
    assert first.counts == Counts(tp=4, fp=3, fn=0)
    assert second.counts == Counts(tp=0, fp=1, fn=4)
    assert (first.found, second.found) == (True, False)
    assert (first.coverage, second.coverage) == (1.0, 0.0)


def test_sizes_and_visibilities_are_binned() -> None:
    """A value on a bin's end belongs to the bin above it; an unknown one to its own."""
    assert width_of(PackedDefect("a", 5, width_px=2.0)) == "2 to 4 px"
    assert width_of(PackedDefect("a", 5, width_px=1.9)) == "below 2 px"
    assert visibility_of(PackedDefect("a", 5, contrast_to_noise=5.0)) == "clearly visible"
    assert visibility_of(PackedDefect("a", 5)) == "unknown"


def test_weighted_table_equals_plain_sums() -> None:
    """The table's metrics are those of adding up counts, at weight one and at others."""
    results = made_up_results(12)
    weights = np.random.default_rng(0).integers(0, 3, 12)
    drawn = [r for r, weight in zip(results, weights, strict=True) for _ in range(weight)]
    ours = Table(results).metrics(weights[None].astype(float))
    pixels = sum((r.counts for r in drawn), Counts())
    objects = sum((r.objects for r in drawn), ObjectCounts())
    free = [r.marked for r in drawn if not r.defective]
    expected = {
        "dice": pixels.dice,
        "iou": pixels.iou,
        "precision": pixels.precision,
        "recall": pixels.recall,
        "dice_mean": np.mean([r.counts.dice for r in drawn]),
        "boundary_f_mean": np.mean([r.boundary_f for r in drawn]),
        "object_f1": objects.f1,
        "object_recall": objects.recall,
        "object_precision": objects.precision,
        "pro": np.mean([d.coverage for r in drawn for d in r.defects]),
        "image_auroc": roc_auc_score([r.defective for r in drawn], [r.score for r in drawn]),
        "false_alarm_rate": np.mean(free),
    }
    for name, value in expected.items():
        assert ours[name][0] == pytest.approx(value, abs=1e-9), name


def test_undefined_metrics_are_none_and_one_group_has_no_interval() -> None:
    """No defect-free image gives no false-alarm rate; one part alone says nothing of others."""
    only = [made_up_results(2)[1]]
    summary = summarize(only, params().bootstrap)
    assert summary["false_alarm_rate"] == {"value": None, "interval_95": None}
    assert summary["image_auroc"]["value"] is None
    assert summary["dice"]["interval_95"] is None
    assert summary["dice"]["value"] is not None


def test_a_class_has_an_interval_over_the_groups_that_show_it() -> None:
    """Dice lies inside; one group alone gives none."""
    results = made_up_results(24)
    for found in by_defect(results, class_of, params().bootstrap).values():
        low, high = found["dice_interval_95"]
        assert low <= found["dice"] <= high
        assert low < high
    one = [result for result in results if result.defects][:1]
    assert all(
        found["dice_interval_95"] is None
        for found in by_defect(one, class_of, params().bootstrap).values()
    )


def test_images_of_two_sets_with_one_name_are_told_apart() -> None:
    """Only ids that collide get their set's name before them."""

    def annotation(set_name: str, image_id: str) -> Annotation:
        return Annotation(image_id, set_name, "g", 1, 1, (), {})

    names = unique_ids([annotation("a", "1"), annotation("b", "1"), annotation("b", "2")])
    assert names == ("a.1", "b.1", "2")


def test_images_larger_than_a_tile_are_judged_at_their_own_size() -> None:
    """A result counts every pixel of an image of any size."""
    instances: npt.NDArray[np.uint16] = np.zeros((300, 520), np.uint16)
    annotation = Annotation("a", "s", "g", 520, 300, (), {})
    result = judge_image(
        0,
        "a",
        annotation,
        probability=np.zeros((300, 520), np.float32),
        instances=instances,
        point=OperatingPoint(0.5),
        params=params(),
    )
    assert result.counts == Counts(tn=300 * 520)
    assert not result.marked
