"""The trained network, made fast for many single images, and its answer for one of any size."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from blemish.arrays import Map
from blemish.model import Probability, load_trained, on_arrays
from blemish.preprocessing import MODEL_SIZE
from blemish.tiling import predict_tiled


def load_fast(trained: Path, weights_file: str = "weights.pt") -> nn.Module:
    """Load the trained network with its batch norms folded and its channels last: half the time.

    Args:
        trained: What training left.
        weights_file: The weights in it.

    Returns:
        Maps uint8 ``(N, 1, H, W)`` to probability.

    Raises:
        ModelFileError: It cannot be loaded.
    """
    network = load_trained(trained, weights_file)
    for block in network.modules():
        if isinstance(block, nn.Sequential):
            _fold(block)
    fast: nn.Module = Probability(network).eval()
    fast.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in its stubs
    return fast


def probability_of(network: nn.Module, plane: npt.NDArray[np.uint8]) -> Map:
    """Predict one image as serving does, at native scale and tile by tile.

    Args:
        network: uint8 ``(N, 1, H, W)`` to probability.
        plane: Shape ``(H, W)``, uint8.

    Returns:
        Shape ``(H, W)``, float32, in ``[0, 1]``.
    """
    return predict_tiled(plane, on_arrays(network), tile=MODEL_SIZE)


def _fold(block: nn.Sequential) -> None:
    """Fold each batch norm into the convolution before it."""
    for place, (convolution, norm) in enumerate(pairwise(list(block))):
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            block[place] = fuse_conv_bn_eval(convolution, norm)
            block[place + 1] = nn.Identity()
