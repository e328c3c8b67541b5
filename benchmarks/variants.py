"""What the field knows for small networks: re-parameterised blocks, and a teacher."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from blemish.model import UNetTiny, load_trained
from blemish.training.loop import Batch, Trainer

TEACHER_SHARE = 0.5
"""Of what a student is taught: the probability of its teacher. The rest is the mask."""


class Branches(nn.Module):
    """A convolution of 3 x 3 with a 1 x 1 and an identity beside it (RepVGG, Ding et al. 2021).

    All three are linear, so at export they would fold into one 3 x 3: same latency as without.

    Args:
        plain: The convolution of 3 x 3 that they stand for.
    """

    def __init__(self, plain: nn.Conv2d) -> None:
        super().__init__()
        inputs, outputs, stride = plain.in_channels, plain.out_channels, plain.stride[0]
        self.large = nn.Sequential(plain, nn.BatchNorm2d(outputs))
        small = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
        self.small = nn.Sequential(small, nn.BatchNorm2d(outputs))
        keeps = inputs == outputs and stride == 1
        self.same = nn.BatchNorm2d(outputs) if keeps else None

    def forward(self, features: Tensor) -> Tensor:
        """Take and return what the plain convolution does."""
        total: Tensor = self.large(features) + self.small(features)
        return total if self.same is None else total + self.same(features)


def reparameterised(width: int) -> UNetTiny:
    """Return a ``UNetTiny`` whose every 3 x 3 convolution before a batch norm has branches."""
    network = UNetTiny(width)
    for block in list(network.modules()):
        if isinstance(block, nn.Sequential) and _is_plain(block):
            block[0] = Branches(block[0])  # type: ignore[arg-type]  # _is_plain looked
            block[1] = nn.Identity()
    return network


def _is_plain(block: nn.Sequential) -> bool:
    first = block[0]
    return isinstance(first, nn.Conv2d) and first.kernel_size == (3, 3) and len(block) == 3


class Student(Trainer):
    """A training whose truth is half the mask, half what a trained network says (Hinton 2015).

    Args:
        teacher: Folder of the trained network.
        arguments: Of ``Trainer``.
    """

    def __init__(self, teacher: Path, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._teacher = load_trained(teacher).requires_grad_(False)

    def _batch(self, *crops: Any) -> Batch:
        batch = super()._batch(*crops)
        with torch.no_grad():
            said = torch.sigmoid(self._teacher(batch.images))
        return Batch(batch.images, TEACHER_SHARE * said + (1 - TEACHER_SHARE) * batch.truth)
