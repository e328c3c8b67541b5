"""Losses for thin and rare foreground.

Both terms are sums over the pixels of the *whole* batch, over all processes: most crops hold no
defect at all, and a Dice of one crop without defect is either undefined or all about its noise.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from blemish.config.learning import Loss

Pool = Callable[[Tensor], Tensor]
"""Sums a tensor over all processes, in a way that gradients pass."""

SMOOTHING = 1.0
"""Pixels added to both sides of the Tversky ratio: a batch without defects gives 0 for silence."""


def alone(sums: Tensor) -> Tensor:
    """Pool over one process: nothing to do."""
    return sums


def focal_cross_entropy(logits: Tensor, truth: Tensor, gamma: float) -> Tensor:
    """Cross-entropy that pays less for what is already right (Lin et al. 2017), for each pixel.

    Args:
        logits: Any shape, float.
        truth: Same shape, 0.0 or 1.0.
        gamma: 0 gives the plain cross-entropy.

    Returns:
        Same shape, not negative.
    """
    entropy = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    if gamma == 0.0:
        return entropy
    miss = torch.sigmoid(torch.where(truth > 0.5, -logits, logits))
    return entropy * miss.pow(gamma)


def tversky_loss(
    true_positives: Tensor, false_positives: Tensor, false_negatives: Tensor, params: Loss
) -> Tensor:
    """One minus the Tversky index of soft counts (Salehi et al. 2017); costs 0.5, 0.5 give Dice.

    Args:
        true_positives: Scalar sum of probabilities over defect pixels.
        false_positives: Scalar sum of probabilities over the others.
        false_negatives: Scalar sum of one minus the probability over defect pixels.
        params: The costs.

    Returns:
        Scalar in ``[0, 1)``.
    """
    wrong = (
        params.false_positive_cost * false_positives + params.false_negative_cost * false_negatives
    )
    return wrong / (true_positives + wrong + SMOOTHING)


def segmentation_loss(
    logits: Tensor, truth: Tensor, params: Loss, pool: Pool = alone, known: Tensor | None = None
) -> Tensor:
    """Return the loss of the whole batch, the same scalar in every process.

    Args:
        logits: This process's part, shape ``(N, 1, H, W)``, float.
        truth: Same shape, float, 0.0 or 1.0.
        params: Weights of the terms.
        pool: Sums over processes.
        known: Same shape, the weight of each pixel in ``[0, 1]``; None is 1 everywhere.

    Returns:
        Scalar, float32, not negative.
    """
    logits = logits.float()
    probability = torch.sigmoid(logits)
    entropy = focal_cross_entropy(logits, truth, params.focal_gamma)
    count = torch.full_like(entropy.sum(), float(truth.numel()))
    if known is not None:
        probability, truth, entropy = probability * known, truth * known, entropy * known
        count = known.sum()
    hit = (probability * truth).sum()
    sums = pool(torch.stack([entropy.sum(), hit, probability.sum(), truth.sum(), count]))
    entropy, hit, predicted, actual, count = sums.unbind()
    overlap = tversky_loss(hit, predicted - hit, actual - hit, params)
    return params.focal_weight * entropy / count.clamp(min=1.0) + params.tversky_weight * overlap


def deep_loss(
    logits: Sequence[Tensor],
    truth: Tensor,
    params: Loss,
    pool: Pool = alone,
    known: Tensor | None = None,
) -> Tensor:
    """Return the loss at full resolution plus that of each coarser scale, weighted.

    Args:
        logits: Of each scale, ``(N, 1, h, w)``, the finest, of the truth's size, last.
        truth: Shape ``(N, 1, H, W)``, float, 0.0 or 1.0; a coarser pixel's is the mean of its own.
        params: Weights of the terms and of the scales.
        pool: Sums over processes.
        known: Same shape as the truth, 0.0 where a pixel does not count; None counts all.

    Returns:
        Scalar, float32, not negative.
    """
    loss = segmentation_loss(logits[-1], truth, params, pool, known)
    for coarse in logits[:-1]:
        size = truth.shape[-1] // coarse.shape[-1]
        own = functional.avg_pool2d(truth, size)
        weight = None if known is None else functional.avg_pool2d(known, size)
        coarse_loss = segmentation_loss(coarse, own, params, pool, weight)
        loss = loss + params.scale_weight * coarse_loss
    return loss
