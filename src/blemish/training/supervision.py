"""Deep supervision: every scale of a network is taught by itself (Lee et al. 2015).

The heads that this takes exist during training alone; the network that is saved has none of them.
"""

from typing import Protocol

from torch import Tensor, nn

from blemish.model import RARE


class Pyramid(Protocol):
    """A network whose decoder can be asked for the features of each of its scales."""

    scales: tuple[int, ...]
    """Channels of what ``decode`` returns."""

    def decode(self, image: Tensor) -> list[Tensor]:
        """Return features, the coarsest first."""
        ...

    def logits(self, finest: Tensor) -> Tensor:
        """Turn the last of them into one logit a pixel."""
        ...


class DeepSupervision(nn.Module):
    """A network with a head at each coarser scale.

    Args:
        network: Fulfils ``Pyramid``.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.heads = nn.ModuleList(nn.Conv2d(channels, 1, 1) for channels in _of(self).scales[:-1])
        for head in self.heads:
            nn.init.constant_(head.bias, RARE)  # type: ignore[arg-type]  # the stub wants no None

    def forward(self, image: Tensor) -> list[Tensor]:
        """Take ``(N, 1, H, W)``; return logits ``(N, 1, h, w)`` for each scale, the finest last."""
        *coarse, finest = _of(self).decode(image)
        answers = [head(features) for head, features in zip(self.heads, coarse, strict=True)]
        return [*answers, _of(self).logits(finest)]


def _of(supervision: DeepSupervision) -> Pyramid:
    network: Pyramid = supervision.network  # type: ignore[assignment]  # nn.Module hides what it is
    return network
