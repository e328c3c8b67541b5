"""What the field knows for small networks: other blocks of the same size, and a teacher."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from blemish.model import UNetTiny, load_trained
from blemish.training.trainer import Batch, Trainer

TEACHER_SHARE = 0.5
"""Of what a student is taught: the probability of its teacher. The rest is the mask."""

EXPANSION = 4
"""Channels inside an inverted residual, over those outside."""

SQUEEZE = 4
"""Channels of a level, over those that decide their weights."""


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
        self.same = nn.BatchNorm2d(outputs) if _keeps(plain) else None

    def forward(self, features: Tensor) -> Tensor:
        """Take and return what the plain convolution does."""
        total: Tensor = self.large(features) + self.small(features)
        return total if self.same is None else total + self.same(features)


class Inverted(nn.Module):
    """An inverted residual (MobileNetV2, Sandler et al. 2018): widen, filter each channel, narrow.

    About as many weights as a convolution of 3 x 3.

    Args:
        channels: In and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        wide = EXPANSION * channels
        self.body = nn.Sequential(
            *_normed(nn.Conv2d(channels, wide, 1, bias=False)),
            *_normed(nn.Conv2d(wide, wide, 3, padding=1, groups=wide, bias=False)),
            *_normed(nn.Conv2d(wide, channels, 1, bias=False))[:2],
        )

    def forward(self, features: Tensor) -> Tensor:
        """Take and return ``(N, channels, H, W)``."""
        changed: Tensor = features + self.body(features)
        return changed


class Attended(nn.Module):
    """A level whose channels are weighted by what the whole image shows (Hu et al. 2018).

    Args:
        level: Gives ``channels``.
        channels: Of its features.
    """

    def __init__(self, level: nn.Module, channels: int) -> None:
        super().__init__()
        self.level = level
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, channels // SQUEEZE, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels // SQUEEZE, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Take and return what the level does."""
        seen: Tensor = self.level(features)
        weighted: Tensor = seen * self.weigh(seen)
        return weighted


def inverted(width: int) -> UNetTiny:
    """Return a ``UNetTiny`` with inverted residuals where as many channels come out as go in."""
    network = UNetTiny(width)
    for block, plain in _plain_blocks(network):
        if _keeps(plain):
            block[0] = Inverted(plain.in_channels)
            block[1] = block[2] = nn.Identity()
    return network


def attended(width: int) -> UNetTiny:
    """Return a ``UNetTiny`` with squeeze and excitation after each level of its encoder."""
    network = UNetTiny(width)
    widths = network.scales[-2::-1]
    pairs = zip(network.encoder, widths, strict=True)
    network.encoder = nn.ModuleList(Attended(level, channels) for level, channels in pairs)
    return network


def reparameterised(width: int) -> UNetTiny:
    """Return a ``UNetTiny`` whose every 3 x 3 convolution before a batch norm has branches."""
    network = UNetTiny(width)
    for block, plain in _plain_blocks(network):
        block[0] = Branches(plain)
        block[1] = nn.Identity()
    return network


def _plain_blocks(network: UNetTiny) -> Iterator[tuple[nn.Sequential, nn.Conv2d]]:
    """Yield each convolution of 3 x 3 with its batch norm and ReLU, and the convolution itself."""
    for block in list(network.modules()):
        if isinstance(block, nn.Sequential) and len(block) == 3:
            first = block[0]
            if isinstance(first, nn.Conv2d) and first.kernel_size == (3, 3):
                yield block, first


def _keeps(plain: nn.Conv2d) -> bool:
    return plain.in_channels == plain.out_channels and plain.stride == (1, 1)


def _normed(plain: nn.Conv2d) -> tuple[nn.Module, ...]:
    return plain, nn.BatchNorm2d(plain.out_channels), nn.ReLU(inplace=True)


class Student(Trainer):
    """A training whose truth is half the mask, half what a trained network says (Hinton 2015).

    Args:
        teacher: Folder of the trained network.
        arguments: Of ``Trainer``.
    """

    def __init__(self, teacher: Path, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._teacher = load_trained(teacher).requires_grad_(False)

    def make_batch(self, *crops: Any) -> Batch:
        """Mix the mask with the probability that the teacher gives."""
        batch = super().make_batch(*crops)
        with torch.no_grad():
            said = torch.sigmoid(self._teacher(batch.images))
        return Batch(batch.images, TEACHER_SHARE * said + (1 - TEACHER_SHARE) * batch.truth)
