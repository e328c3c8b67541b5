"""The yardstick: a U-Net as the textbook draws it (Ronneberger et al. 2015), width 16, depth 4.

Two convolutions a level at full resolution and below, max pooling, transposed convolutions up,
skips concatenated. Batch norm as everybody adds it; padding keeps the size.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from blemish.model import RARE, standardize


class TextbookUNet(nn.Module):
    """Grey image in, one logit a pixel out, with the input normalisation of ``UNetTiny``.

    Args:
        width: Channels at full resolution; they double at each level down.
        depth: Levels.
    """

    stride = 32
    """As that of ``UNetTiny``, so that both take the same images; 8 would do."""

    def __init__(self, width: int = 16, depth: int = 4) -> None:
        super().__init__()
        self.width = width
        channels = [width * 2**level for level in range(depth)]
        self.encoder = nn.ModuleList(_pair(*sides) for sides in pairwise([2, *channels]))
        down = list(pairwise(reversed(channels)))
        self.raising = nn.ModuleList(nn.ConvTranspose2d(deep, flat, 2, 2) for deep, flat in down)
        self.decoder = nn.ModuleList(_pair(2 * flat, flat) for _, flat in down)
        self.head = nn.Conv2d(width, 1, 1)
        nn.init.constant_(self.head.bias, RARE)  # type: ignore[arg-type]  # the stub wants no None
        self.scales = tuple(channels[::-1])

    def forward(self, image: Tensor) -> Tensor:
        """Take ``(N, 1, H, W)``, uint8 or float32 in ``[0, 255]``; return logits of that shape."""
        return self.logits(self.decode(image)[-1])

    def decode(self, image: Tensor) -> list[Tensor]:
        """Return the decoder's features for an image, from an eighth of its size to all of it."""
        features = [self.encoder[0](standardize(image))]
        for level in self.encoder[1:]:
            features.append(level(functional.max_pool2d(features[-1], 2)))
        decoded = [features.pop()]
        for raising, level in zip(self.raising, self.decoder, strict=True):
            decoded.append(level(torch.cat([raising(decoded[-1]), features.pop()], dim=1)))
        return decoded

    def logits(self, finest: Tensor) -> Tensor:
        """Turn the finest features into one logit a pixel."""
        logits: Tensor = self.head(finest)
        return logits


def _pair(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for sides in ((inputs, outputs), (outputs, outputs)):
        layers += [
            nn.Conv2d(*sides, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)
