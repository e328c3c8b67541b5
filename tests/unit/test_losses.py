"""The loss, against hand-made metrics and other people's code."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss
from torchmetrics.functional.segmentation import dice_score

from blemish.config.learning import Loss
from blemish.losses import (
    SMOOTHING,
    deep_loss,
    focal_cross_entropy,
    segmentation_loss,
    tversky_loss,
)


def params(**changes: float) -> Loss:
    values = {
        "focal_weight": 1.0,
        "focal_gamma": 0.0,
        "tversky_weight": 0.0,
        "false_positive_cost": 0.5,
        "false_negative_cost": 0.5,
        "scale_weight": 0.5,
    }
    return Loss(**{**values, **changes})


def scene(seed: int, share: float = 0.3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn((2, 1, 8, 8), generator=generator) * 3
    truth = (torch.rand(logits.shape, generator=generator) < share).float()
    return logits, truth


@given(seed=st.integers(0, 1000))
def test_plain_entropy_is_that_of_scikit_learn(seed: int) -> None:
    """Without focus, the first term is the mean log loss."""
    logits, truth = scene(seed)
    ours = segmentation_loss(logits, truth, params())
    probability = torch.sigmoid(logits.double()).ravel()
    expected = log_loss(truth.ravel(), probability, labels=[0, 1])
    assert float(ours) == pytest.approx(expected, rel=1e-5)


@given(seed=st.integers(0, 1000))
def test_hard_decisions_give_one_minus_the_dice_of_torchmetrics(seed: int) -> None:
    """With certain answers and equal costs the overlap term is the Dice loss of the batch."""
    logits, truth = scene(seed)
    decided = torch.where(logits > 0, 50.0, -50.0)
    ours = segmentation_loss(decided, truth, params(focal_weight=0, tversky_weight=1))
    prediction = (decided > 0).long().reshape(1, 1, -1)
    expected = 1 - dice_score(prediction, truth.long().reshape(1, 1, -1), num_classes=1)
    pixels = float(prediction.sum() + truth.sum()) / 2
    smoothed = float(expected) * pixels / (pixels + SMOOTHING)
    assert float(ours) == pytest.approx(smoothed, abs=1e-4)


def test_focus_weighs_each_pixel_by_its_miss() -> None:
    """A pixel at probability p of the truth costs -(1 - p)^gamma log p."""
    p = torch.tensor([0.9, 0.6])
    logits = torch.log(p / (1 - p)) * torch.tensor([1.0, -1.0])
    truth = torch.tensor([1.0, 0.0])
    expected = -((1 - p) ** 2) * torch.log(p)
    torch.testing.assert_close(focal_cross_entropy(logits, truth, 2.0), expected)


def test_costs_weigh_misses_and_false_alarms() -> None:
    """Ten hits, 4 false and 6 missed at costs 0.3 and 0.7 give 5.4 / 16.4 with the smoothing."""
    loss = tversky_loss(
        torch.tensor(10.0),
        torch.tensor(4.0),
        torch.tensor(6.0),
        params(false_positive_cost=0.3, false_negative_cost=0.7),
    )
    assert float(loss) == pytest.approx(5.4 / 16.4)


def test_silence_on_a_batch_without_defects_costs_nothing() -> None:
    """Neither term punishes a silent answer where there is nothing to find."""
    logits = torch.full((2, 1, 8, 8), -40.0)
    loss = segmentation_loss(logits, torch.zeros_like(logits), params(tversky_weight=1))
    assert float(loss) == pytest.approx(0, abs=1e-6)


@given(seed=st.integers(0, 1000))
def test_parts_pooled_are_the_whole(seed: int) -> None:
    """A pool that adds the other half's sums gives the loss of the whole batch."""
    logits, truth = scene(seed)
    both = params(tversky_weight=0.5, focal_gamma=1.5)
    collected: list[torch.Tensor] = []

    def collect(sums: torch.Tensor) -> torch.Tensor:
        collected.append(sums)
        return sums

    for half in (0, 1):
        segmentation_loss(logits[half : half + 1], truth[half : half + 1], both, collect)
    total = collected[0] + collected[1]
    pooled = segmentation_loss(logits[:1], truth[:1], both, lambda _: total)
    torch.testing.assert_close(pooled, segmentation_loss(logits, truth, both))


def test_gradient_is_that_of_finite_differences() -> None:
    """The loss is differentiable where training needs it."""
    logits, truth = scene(3)
    both = params(tversky_weight=0.5, focal_gamma=2.0)
    leaf = logits.clone().requires_grad_()
    segmentation_loss(leaf, truth, both).backward()
    step = torch.zeros_like(logits)
    step[0, 0, 2, 3] = 0.01
    above = segmentation_loss(logits + step, truth, both)
    below = segmentation_loss(logits - step, truth, both)
    assert leaf.grad is not None
    assert float(leaf.grad[0, 0, 2, 3]) == pytest.approx(float(above - below) / 0.02, abs=1e-4)


def test_deep_loss_adds_each_coarser_scale_against_the_mean_of_its_pixels() -> None:
    """A coarse answer that equals the share of defect of each of its pixels is the best one."""
    logits, truth = scene(3)
    shares = torch.nn.functional.avg_pool2d(truth, 4)
    both = params(tversky_weight=1)
    alone = segmentation_loss(logits, truth, both)
    best = torch.logit(shares, eps=1e-6)
    added = deep_loss([best, logits], truth, both) - alone
    torch.testing.assert_close(added, 0.5 * segmentation_loss(best, shares, both))
    entropy = params()
    right, wrong = (deep_loss([x, logits], truth, entropy) for x in (best, best + 0.5))
    assert right < wrong


def test_unknown_pixels_count_for_nothing() -> None:
    """The loss over a part that is known equals the loss of that part alone, at every scale."""
    logits, truth = scene(4)
    both = params(tversky_weight=1)
    known = torch.zeros_like(truth)
    known[..., :4] = 1.0
    coarse = torch.nn.functional.avg_pool2d(logits, 4)
    part = deep_loss([coarse[..., :1], logits[..., :4]], truth[..., :4], both)
    torch.testing.assert_close(deep_loss([coarse, logits], truth, both, known=known), part)
