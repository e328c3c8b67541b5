"""The gate's rule, on numbers alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blemish.config.promote import ComparisonBounds, Floors, Promote, PromotionParity
from blemish.metrics.pixels import Counts
from blemish.promotion.paired_comparison import PairedResult, compare, compare_false_alarms
from blemish.promotion.rule import Measurements, decide

COMPARISON = ComparisonBounds(
    margin=0.01,
    trade_margin=0.03,
    synthetic_margin=0.1,
    false_alarms=0.05,
    confidence=0.95,
    resamples=1000,
    seed=3,
    groups=10,
)
RULE = Promote(
    comparison=COMPARISON,
    floors=Floors(per_set=0.3, per_class=0.1, images=5, exceptions={}),
    parity=PromotionParity(probability=1e-4, dice=0.01),
    megabytes=8.0,
    latency_ratio=1.5,
    latency_rounds=5,
)
MEASURED = Measurements(size_bytes=2_000_000, latency_ms=9.0, champion_latency_ms=9.0)


def results(
    gain: float,
    *,
    groups: int = 60,
    noise: float = 0.05,
    seed: int = 0,
    name: str = "set",
) -> list[PairedResult]:
    """Two images of each part; the candidate finds ``gain`` more of each defect, give or take."""
    rng = np.random.default_rng(seed)
    paired = []
    for index in range(2 * groups):
        area = int(rng.integers(50, 400))
        base = rng.uniform(0.6, 0.9)
        shares = np.clip([base + gain + rng.normal(0, noise), base], 0, 1)
        ours, theirs = (
            Counts(int(area * share), int(area * 0.1), area - int(area * share), 9000)
            for share in shares
        )
        kind = "crack" if index % 3 else "pit"
        paired.append(PairedResult(f"i{index}", name, f"g{index // 2}", (kind,), ours, theirs))
    return paired


def defect_free(
    ours: float, theirs: float, *, images: int = 100, name: str = "set"
) -> list[PairedResult]:
    """Defect-free images, one for each part, of which each model marks a share."""
    return [
        PairedResult(
            f"c{k}",
            name,
            f"c{k}",
            (),
            Counts(0, 20 * (k < images * ours), 0, 9000),
            Counts(0, 20 * (k < images * theirs), 0, 9000),
        )
        for k in range(images)
    ]


def test_a_worse_model_is_refused_and_an_equal_or_better_one_passes() -> None:
    """Losing 0.1 of each defect is refused; the same answers, and 0.1 more, pass."""
    assert not decide(RULE, results(-0.1), MEASURED).passed
    assert decide(RULE, results(0.0, noise=0.0), MEASURED).passed
    assert decide(RULE, results(0.1), MEASURED).passed


def test_a_loss_within_the_margin_that_is_certain_passes() -> None:
    """A loss of about half the margin, the same for every part, is not worse by the rule."""
    found = compare(results(-0.005, noise=0.0, groups=200), COMPARISON)
    assert -0.01 < found.low <= found.mean < 0


def test_the_difference_equals_pooled_dice_computed_directly() -> None:
    """The point estimate is the difference of the two pooled Dice values."""
    paired = results(0.03)
    ours = sum((p.candidate for p in paired), Counts()).dice
    theirs = sum((p.champion or Counts() for p in paired), Counts()).dice
    found = compare(paired, COMPARISON)
    assert found.mean == pytest.approx(ours - theirs, abs=1e-12)
    assert (found.candidate, found.champion) == pytest.approx((ours, theirs))


def test_the_lower_bound_covers_the_truth_as_often_as_it_says() -> None:
    """Over 400 simulated test sets the one-sided 95 % bound lies below the true difference."""
    rng = np.random.default_rng(5)
    parts = results(0.01, groups=4000, noise=0.1, seed=9)
    by_group = np.array([(2 * k, 2 * k + 1) for k in range(4000)])
    truth = compare(parts, COMPARISON).mean
    quick = COMPARISON.model_copy(update={"resamples": 400})
    covered = 0
    for trial in range(400):
        drawn = by_group[rng.choice(4000, size=60, replace=False)].ravel()
        sample = [parts[k] for k in drawn]
        found = compare(sample, quick.model_copy(update={"seed": trial}))
        covered += found.low <= truth
    assert 0.92 <= covered / 400 <= 0.98


def test_resampling_groups_is_wider_than_resampling_images() -> None:
    """Images of one part err together, so treating them as independent would be too sure."""
    rng = np.random.default_rng(0)
    paired, alone = [], []
    for group in range(30):
        shift = rng.normal(0, 0.2)
        for image in range(8):
            share = float(np.clip(0.7 + shift, 0, 1))
            counts = Counts(int(200 * share), 0, 200 - int(200 * share), 0)
            name = f"{group}-{image}"
            paired.append(PairedResult(name, "s", str(group), (), counts, Counts(140, 0, 60, 0)))
            alone.append(PairedResult(name, "s", name, (), counts, Counts(140, 0, 60, 0)))
    grouped, single = compare(paired, COMPARISON), compare(alone, COMPARISON)
    assert grouped.mean - grouped.low > 1.8 * (single.mean - single.low)


@pytest.mark.parametrize(
    ("measured", "name"),
    [
        (Measurements(9_000_000, 9.0, 9.0), "Size, MB"),
        (Measurements(2_000_000, 20.0, 9.0), "Latency against the champion"),
        (Measurements(2_000_000, 9.0, 9.0, -0.02), "Dice, fp32 to int8"),
        (Measurements(2_000_000, 9.0, 9.0, None, 0.1), "Probability, PyTorch to ONNX"),
    ],
)
def test_size_latency_and_parity_refuse_alone(measured: Measurements, name: str) -> None:
    """A better model is refused for any one of its size, its latency or its parity."""
    decision = decide(RULE, results(0.1), measured)
    assert [check.name for check in decision.failed] == [name]


def test_floors_hold_per_set_and_per_class_with_exceptions_by_name() -> None:
    """A class below its floor refuses, unless it has an exception or too few images to judge."""
    lost = [
        PairedResult(f"x{k}", "set", f"x{k}", ("dent",), Counts(1, 0, 99, 0), Counts(1, 0, 99, 0))
        for k in range(5)
    ]
    decision = decide(RULE, [*results(0.1), *lost], MEASURED)
    assert [check.name for check in decision.failed] == ["Dice, set set, class dent"]
    assert decide(RULE, [*results(0.1), *lost[:4]], MEASURED).passed
    floors = RULE.floors.model_copy(update={"exceptions": {"dent": 0.01}})
    lenient = RULE.model_copy(update={"floors": floors})
    assert decide(lenient, [*results(0.1), *lost], MEASURED).passed


def test_too_few_groups_prove_nothing() -> None:
    """With fewer groups than the rule wants, even a better model is refused."""
    decision = decide(RULE, results(0.1, groups=9), MEASURED)
    assert [check.name for check in decision.failed] == ["Independent test groups of a set"]
    assert "set: 9 independent test groups are too few" in decision.notes[0]


def test_without_a_champion_only_floors_and_measurements_count() -> None:
    """A candidate with nobody to beat is judged by itself."""
    alone = [
        PairedResult(p.image_id, p.set_name, p.group, p.classes, p.candidate, None)
        for p in results(0.0)
    ]
    decision = decide(RULE, alone, Measurements(2_000_000, 9.0))
    assert decision.passed
    assert "set.dice_difference" not in decision.metrics


@given(st.lists(st.tuples(*[st.integers(0, 500)] * 6), min_size=10, max_size=30))
def test_a_model_is_never_worse_than_itself(rows: list[tuple[int, ...]]) -> None:
    """Paired with itself, the difference and its bound are exactly zero, empties included."""
    paired = [
        PairedResult(str(k), "s", str(k // 2), (), Counts(*row[:3]), Counts(*row[:3]))
        for k, row in enumerate(rows)
    ]
    found = compare(paired, COMPARISON)
    assert found.mean == 0.0
    assert found.low == 0.0


def test_a_large_set_does_not_hide_a_small_one() -> None:
    """Pooled, the candidate would be better; on the small set it is worse, and that refuses."""
    small = results(-0.2, groups=12, name="small")
    paired = [*results(0.05, groups=200, name="large"), *small]
    assert compare(paired, COMPARISON).low > 0
    decision = decide(RULE, paired, MEASURED)
    assert [check.name for check in decision.failed] == [
        "Dice against the champion, set small, 95 % lower bound"
    ]


def test_half_the_false_alarms_are_worth_a_little_dice() -> None:
    """Dice 0.02 lower is refused by itself, and passes where false alarms are surely fewer."""
    labelled = results(-0.02, noise=0.0, groups=100)
    lost = compare(labelled, COMPARISON)
    assert -0.025 < lost.low < lost.mean < -0.01
    assert not decide(RULE, labelled, MEASURED).passed
    assert not decide(RULE, [*labelled, *defect_free(0.23, 0.23)], MEASURED).passed
    decision = decide(RULE, [*labelled, *defect_free(0.11, 0.23)], MEASURED)
    assert decision.passed, decision.failed
    assert decision.metrics["set.false_alarms"] == pytest.approx(0.11)
    assert decision.metrics["set.champion_false_alarms"] == pytest.approx(0.23)


def test_more_false_alarms_refuse_a_model_with_better_dice() -> None:
    """The share of defect-free images with a mark may not rise by more than the bound."""
    decision = decide(RULE, [*results(0.1), *defect_free(0.15, 0.05)], MEASURED)
    assert [check.name for check in decision.failed] == [
        "False alarms against the champion, set set, 95 % upper bound"
    ]


def test_the_bound_on_false_alarms_is_that_of_the_binomial_difference() -> None:
    """With one image for each part, the bootstrap's bound is near the normal one for pairs."""
    found = compare_false_alarms(defect_free(0.30, 0.20, images=400), COMPARISON)
    assert found.mean == pytest.approx(0.10)
    spread = np.sqrt(0.10 * 0.90 / 400)
    assert found.high == pytest.approx(0.10 + 1.645 * spread, abs=0.005)


def test_a_set_of_clean_images_alone_is_judged_by_its_false_alarms() -> None:
    """No Dice is made up for it; the synthetic set, beside it, may lose what adapting costs."""
    drawn = results(-0.05, noise=0.0, name="synthetic")
    assert not decide(RULE, drawn, MEASURED).passed
    paired = [*drawn, *defect_free(0.02, 0.40, name="line-3")]
    decision = decide(RULE, paired, MEASURED)
    assert decision.passed, decision.failed
    assert "line-3.dice" not in decision.metrics
    assert not any("Dice" in check.name and "line-3" in check.name for check in decision.checks)


def test_floors_are_those_of_the_users_sets_where_there_are_any() -> None:
    """A class lost on synthetic images alone does not refuse a model for the user's metal."""
    lost = [
        PairedResult(f"x{k}", "synthetic", f"x{k}", ("dent",), *[Counts(1, 0, 99, 0)] * 2)
        for k in range(12)
    ]
    assert not decide(RULE, lost, MEASURED).passed
    assert decide(RULE, [*results(0.1), *lost], MEASURED).passed


def test_a_small_set_is_said_and_does_not_refuse() -> None:
    """A set with too few groups beside one with enough is named in a note."""
    decision = decide(RULE, [*results(0.1), *results(-0.2, groups=3, name="few")], MEASURED)
    assert decision.passed, decision.failed
    assert any("Set few: 3 independent test groups" in note for note in decision.notes)


def test_without_any_independent_image_nothing_is_decided_in_favour() -> None:
    """Where all test images were left out, the candidate is refused, and the notes are kept."""
    decision = decide(RULE, [], MEASURED, ["all were left out"])
    assert [check.name for check in decision.failed] == ["Independent test groups of a set"]
    assert decision.notes == ("all were left out",)
