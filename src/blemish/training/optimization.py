"""How weights move: Muon and AdamW, warm-up and cosine, and their running average."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from blemish.config.learning import Learning

Tensors = tuple[Tensor, ...] | list[Tensor]

ADAM_SHARE = 0.2
"""AdamW's learning rate over Muon's."""


@dataclass(frozen=True)
class Schedule:
    """How long a network learns, and how its learning rate goes."""

    epochs: int
    steps: int
    """Of an epoch."""
    learning_rate: float
    """Largest, of Muon."""
    warmup_epochs: float
    ema_decay: float
    """Of the averaged weights, a step."""
    patience: int | None = None
    """Epochs without a better validation Dice after which training ends; the best epoch is kept.
    None: every epoch is trained and the last is kept."""

    def rate_at(self, progress: float) -> float:
        """Return the learning rate: linear warm-up, then half a cosine down to a hundredth.

        Args:
            progress: Epochs that are done, with a fraction.
        """
        if progress < self.warmup_epochs:
            return self.learning_rate * max(progress, 1e-3) / self.warmup_epochs
        share = (progress - self.warmup_epochs) / max(self.epochs - self.warmup_epochs, 1e-9)
        return self.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(share, 1.0))))


def make_optimizers(network: nn.Module, params: Learning) -> tuple[torch.optim.Optimizer, ...]:
    """Return Muon for the kernels inside the network, AdamW for all else.

    First and last layers, depthwise kernels, norms and biases are no maps from many features to
    many, which is what Muon's step is made for.
    """
    inner: list[Tensor] = []
    others: list[Tensor] = []
    for name, weight in network.named_parameters():
        (inner if _is_inner(name, weight) else others).append(weight)
    return (
        Muon(inner, params.learning_rate, weight_decay=params.weight_decay),
        torch.optim.AdamW(others, params.learning_rate, weight_decay=0.0, foreach=True),
    )


def set_rate(optimizers: tuple[torch.optim.Optimizer, ...], rate: float) -> None:
    """Set Muon's learning rate, and AdamW's in proportion."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate if isinstance(optimizer, Muon) else ADAM_SHARE * rate


def _is_inner(name: str, weight: Tensor) -> bool:
    outer = any(part in ("stem", "head", "heads") for part in name.split("."))
    return weight.ndim == 4 and weight.shape[1] > 1 and not outer


class Muon(torch.optim.Optimizer):
    """Momentum whose steps are made orthogonal (Jordan et al. 2024), so that no direction starves.

    PyTorch's own takes matrices only; here a kernel ``(O, I, h, w)`` is the matrix ``(O, I h w)``.

    Args:
        weights: Kernels.
        rate: Learning rate.
        momentum: Of the gradient's running mean, looked ahead by Nesterov's rule.
        weight_decay: Share of a weight that a step of rate 1 takes away.
    """

    def __init__(
        self, weights: list[Tensor], rate: float, *, momentum: float = 0.95, weight_decay: float
    ) -> None:
        super().__init__(weights, {"lr": rate, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # evaluates no closure
        """Move the weights by the gradients that they hold."""
        del closure
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(weight, weight.grad, group)

    def _move(self, weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if not state:
            state["mean"] = torch.zeros_like(gradient)
        mean = state["mean"].lerp_(gradient, 1 - group["momentum"])
        ahead = gradient.lerp(mean, group["momentum"]).flatten(1)
        step = orthogonalize(ahead) * max(1.0, ahead.shape[0] / ahead.shape[1]) ** 0.5
        weight.mul_(1 - group["lr"] * group["weight_decay"])
        weight.add_(step.view(weight.shape), alpha=-group["lr"])


def orthogonalize(matrix: Tensor) -> Tensor:
    """Return about the nearest matrix whose singular values are all 1.

    Five steps of a Newton-Schulz iteration of fifth order; they end within about 0.7 to 1.2.

    Args:
        matrix: Shape ``(m, n)``, float32.
    """
    first, third, fifth = 3.4445, -4.7750, 2.0315  # the coefficients of Jordan et al.
    tall = matrix.shape[0] > matrix.shape[1]
    x: Tensor = (matrix.T if tall else matrix) / (matrix.norm() + 1e-7)
    for _ in range(5):
        square = x @ x.T
        x = first * x + (third * square + fifth * (square @ square)) @ x
    return x.T if tall else x


def average_weights(network: nn.Module, decay: float) -> AveragedModel:
    """Return the exponential moving average of a network's weights (Polyak and Juditsky 1992).

    Args:
        network: Is copied; the copy stays in evaluation mode.
        decay: Of the past at each step; smaller in the first steps.
    """

    def move(averaged: Tensors, present: Tensors, step: Tensor | int) -> None:
        if averaged[0].is_floating_point():  # else the counters of batch norm
            count = int(step)
            torch._foreach_lerp_(averaged, present, 1.0 - min(decay, (1 + count) / (10 + count)))

    average = AveragedModel(network, multi_avg_fn=move, use_buffers=True)
    average.n_averaged += 1  # at 0 the first update would copy instead of averaging
    return average.eval().requires_grad_(requires_grad=False)
