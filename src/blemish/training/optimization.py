"""How weights move: AdamW, warm-up and cosine, clipping, and their running average."""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from blemish.config.train import Train


@dataclass(frozen=True)
class Phase:
    """Some epochs at one schedule on one mixture of sets."""

    first: int
    """Its first epoch, from 1."""
    epochs: int
    learning_rate: float
    mixture: dict[str, float]

    def rate_at(self, progress: float, warmup: float) -> float:
        """Return the learning rate: linear warm-up, then half a cosine down to a hundredth.

        Args:
            progress: Epochs of this phase that are done, with a fraction.
            warmup: Epochs of warm-up.
        """
        if progress < warmup:
            return self.learning_rate * max(progress, 1e-3) / warmup
        share = (progress - warmup) / max(self.epochs - warmup, 1e-9)
        return self.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(share, 1.0))))


def phases(params: Train) -> tuple[Phase, ...]:
    """Return the training's phases: all sets, then, where asked for, the finetuning."""
    first = Phase(1, params.epochs, params.learning_rate, dict(params.mixture))
    tuning = params.finetune
    if tuning.epochs == 0:
        return (first,)
    second = Phase(params.epochs + 1, tuning.epochs, tuning.learning_rate, dict(tuning.mixture))
    return (first, second)


def make_optimizer(network: nn.Module, params: Train) -> torch.optim.AdamW:
    """Return AdamW that decays the kernels, but neither norms nor biases."""
    kernels = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [
        {"params": kernels, "weight_decay": params.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=params.learning_rate, foreach=True)


class AveragedWeights:
    """The exponential moving average of a network's weights (Polyak and Juditsky 1992).

    Args:
        network: Is copied; the copy stays in evaluation mode.
        decay: Of the past at each step; smaller in the first steps.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay
        self._own = list(_floats(self.network))

    def update(self, network: nn.Module, step: int) -> None:
        """Move towards a network's weights after its ``step``-th step, from 1."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self._own, list(_floats(network)), 1.0 - decay)


@torch.no_grad()
def _floats(network: nn.Module) -> Iterator[Tensor]:
    """Yield parameters and running statistics."""
    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.is_floating_point():
            yield tensor.detach()
