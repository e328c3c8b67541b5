"""UNetTiny: a U-Net that does its work below full resolution.

A convolution of stride 2 takes the image to half size at once, and a pixel shuffle (Shi et al.
2016) brings the answer back, so that no layer ever runs at full resolution, where a textbook U-Net
(Ronneberger et al. 2015) spends most of its time. Skips are added, not concatenated: half the
work in the decoder. Large kernels at the two coarsest levels see across a whole tile: without that
a region half as wide is never filled, and down there they cost next to nothing. The image comes
in twice, standardized as a whole and by its surroundings, so that neither exposure nor uneven light
hides a mark. Only convolutions, additions and ReLU: they fold and quantize well.
"""

import json
import pickle
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from blemish.errors import ModelFileError

CONTRAST_FLOOR = 4.0
"""Grey levels; an image flatter than this is not stretched until its noise looks like defects."""

LOCAL_CONTRAST_FLOOR = 0.15
"""The same for the surroundings of a pixel, in deviations of the whole image."""

RARE = -3.0
"""Bias of a fresh head: defects are rare."""

_LEVELS = ((1, 0), (1, 0), (1, 1), (0, 2))
"""Of the encoder: plain convolutions and contexts behind the one that halves the size."""

_CORRUPT = (ValueError, KeyError, TypeError, RuntimeError, EOFError, pickle.UnpicklingError)


def convolution(inputs: int, outputs: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    """Return a convolution without bias, its batch norm (folded at export) and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Context(nn.Module):
    """Lets each place of a coarse level see far around it: a depthwise 7 x 7, then all channels.

    Added to what comes in (Liu et al. 2022 use the same kernel).

    Args:
        channels: In and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 7, padding=3, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Take and return ``(N, channels, H, W)``."""
        seen: Tensor = features + self.body(features)
        return seen


class Lateral(nn.Module):
    """Brings coarse features to the width and size of finer ones and adds them.

    Args:
        coarse: Channels of the coarse features.
        fine: Channels of the fine ones.
    """

    def __init__(self, coarse: int, fine: int) -> None:
        super().__init__()
        self.project = nn.Sequential(
            nn.Conv2d(coarse, fine, 1, bias=False),
            nn.BatchNorm2d(fine),
        )
        self.refine = convolution(fine, fine)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """Take ``(N, coarse, H, W)`` and ``(N, fine, 2H, 2W)``; return the latter's shape."""
        raised = functional.interpolate(self.project(coarse), scale_factor=2.0, mode="nearest")
        refined: Tensor = self.refine(functional.relu(raised + fine))
        return refined


class UNetTiny(nn.Module):
    """Grey image in, one logit a pixel out.

    Args:
        width: Channels at half resolution; the other levels follow from it.
    """

    stride = 32
    """Height and width must be multiples of this."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.width = width
        channels = (width, 2 * width, 4 * width, 6 * width, 6 * width)
        self.stem = convolution(2, width, size=5, stride=2)
        self.encoder = nn.ModuleList(
            nn.Sequential(
                convolution(inputs, outputs, stride=2),
                *(convolution(outputs, outputs) for _ in range(plain)),
                *(Context(outputs) for _ in range(contexts)),
            )
            for (inputs, outputs), (plain, contexts) in zip(
                pairwise(channels), _LEVELS, strict=True
            )
        )
        self.decoder = nn.ModuleList(
            Lateral(coarse, fine) for coarse, fine in pairwise(reversed(channels))
        )
        self.head = nn.Conv2d(width, 4, 3, padding=1)
        nn.init.constant_(self.head.bias, RARE)  # type: ignore[arg-type]  # the stub wants no None
        self.scales = channels[::-1]
        """Channels of what ``decode`` returns."""

    def forward(self, image: Tensor) -> Tensor:
        """Return logits.

        Args:
            image: Shape ``(N, 1, H, W)``, uint8 or float32 in ``[0, 255]``.

        Returns:
            Shape ``(N, 1, H, W)``, float32.
        """
        return self.logits(self.decode(image)[-1])

    def decode(self, image: Tensor) -> list[Tensor]:
        """Return the decoder's features for an image, from 1/32 of its size to half of it."""
        features = [self.stem(standardize(image))]
        for level in self.encoder:
            features.append(level(features[-1]))
        decoded = [features.pop()]
        for level in self.decoder:
            decoded.append(level(decoded[-1], features.pop()))
        return decoded

    def logits(self, finest: Tensor) -> Tensor:
        """Turn the finest features into one logit a pixel."""
        return functional.pixel_shuffle(self.head(finest), 2)


def standardize(image: Tensor) -> Tensor:
    """Make exposure, gain and uneven light matter less.

    Args:
        image: Shape ``(N, 1, H, W)``, uint8 or float32 in ``[0, 255]``; H and W multiples of 8.

    Returns:
        Shape ``(N, 2, H, W)``, float32: the image at mean 0 and deviation 1, and the same with
        mean and deviation taken from some 40 px around each pixel instead of the whole image.
    """
    levels = image.to(torch.float32)
    centred = levels - _mean(levels)
    whole = centred * torch.rsqrt(_mean(centred * centred) + CONTRAST_FLOOR**2)
    detail = whole - _surroundings(whole)
    variance = _surroundings(detail * detail)
    return torch.cat([whole, detail * torch.rsqrt(variance + LOCAL_CONTRAST_FLOOR**2)], dim=1)


def _mean(image: Tensor) -> Tensor:
    """Mean of each image, by rows first: one sum of 65,536 floats loses digits in onnxruntime."""
    return image.mean(dim=3, keepdim=True).mean(dim=2, keepdim=True)


def _surroundings(image: Tensor) -> Tensor:
    """Mean over some 40 px around each pixel, by way of an eighth of the size."""
    small = functional.avg_pool2d(image, 8)
    blurred = functional.avg_pool2d(small, 5, stride=1, padding=2, count_include_pad=False)
    return functional.interpolate(blurred, scale_factor=8.0, mode="bilinear")


class Probability(nn.Module):
    """What is exported: uint8 image in, defect probability out.

    Args:
        network: Gives logits.
    """

    def __init__(self, network: UNetTiny) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        """Take uint8 ``(N, 1, H, W)``; return float32 of that shape in ``[0, 1]``."""
        return torch.sigmoid(self.network(image))


def on_arrays(network: nn.Module) -> Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]:
    """Return a network as a function of arrays, without gradients."""

    def run(batch: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            answer: npt.NDArray[np.float32] = network(torch.from_numpy(batch)).numpy()
        return answer

    return run


def load_trained(folder: Path, weights_file: str = "weights.pt") -> UNetTiny:
    """Load the network that training left, ready to predict.

    Args:
        folder: Holds the weights and ``training.json``.
        weights_file: Their name; fine-tuning leaves those of folds beside the others.

    Raises:
        ModelFileError: A file is missing or corrupt, or the weights are those of another network.
    """
    try:
        description = json.loads((folder / "training.json").read_text(encoding="utf-8"))
        shape = {k: v for k, v in description["architecture"].items() if k != "name"}
        network = UNetTiny(**shape)
        weights = torch.load(folder / weights_file, map_location="cpu", weights_only=True)
        network.load_state_dict(weights)
    except (OSError, *_CORRUPT) as error:
        raise ModelFileError(
            f"The trained network at {folder} cannot be loaded: {error}. Run: dvc repro train"
        ) from error
    return network.eval()
