"""What a validation measures after each epoch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn

from blemish.config.learning import Loss
from blemish.losses import focal_cross_entropy, tversky_loss
from blemish.model import UNetTiny
from blemish.packed import PackedSet
from blemish.training.crops import evenly_spaced
from blemish.training.sharing import sum_over

_BATCH = 16


@dataclass(frozen=True)
class Validation:
    """Metrics over a split."""

    loss: float
    """As in training, over the pixels of all images."""
    dice: float
    """At threshold 0.5, pooled over the pixels of a set; mean over the sets that hold a defect."""


@dataclass(frozen=True)
class _Image:
    image: NDArray[np.uint8]
    truth: NDArray[np.bool_]
    region: NDArray[np.bool_] | None
    set_number: int


class Validator:
    """Holds validation images in memory, padded by reflection to what the network accepts.

    Args:
        splits: The validation splits.
        fabric: The processes that share the work.
        at_most: Number of images of each split, spread evenly over it; None is all of them.
    """

    def __init__(
        self, splits: Sequence[PackedSet], fabric: Fabric, at_most: int | None = None
    ) -> None:
        self._fabric = fabric
        chosen = [(packed, i) for packed in splits for i in evenly_spaced(len(packed), at_most)]
        sets = [packed.annotation(i).set_name for packed, i in chosen]
        self._names = sorted(set(sets))
        self._images = [
            _Image(packed.image(i), packed.mask(i), packed.region(i), self._names.index(name))
            for (packed, i), name in list(zip(chosen, sets, strict=True))[
                fabric.global_rank :: fabric.world_size
            ]
        ]

    @torch.no_grad()
    def measure(self, network: nn.Module, params: Loss) -> Validation:
        """Validate.

        Args:
            network: In evaluation mode.
            params: Weights of the loss's terms.
        """
        # A row for each set: entropy, pixels, soft hits, predicted, actual, then hard ones.
        sums = torch.zeros((len(self._names), 7), dtype=torch.float64)
        for batch in self._batches():
            stacked = np.stack([pad_to_stride(item.image) for item in batch])
            images = torch.from_numpy(stacked)[:, None].to(self._fabric.device)
            logits = network(images).float().cpu()
            for item, answer in zip(batch, logits, strict=True):
                sums[item.set_number] += _count(*_known_pixels(item, answer[0]), params)
        return _summarize(sum_over(sums, self._fabric), params)

    def _batches(self) -> Iterator[list[_Image]]:
        """Yield images of one size together."""
        batch: list[_Image] = []
        for item in self._images:
            if batch and (len(batch) == _BATCH or item.image.shape != batch[0].image.shape):
                yield batch
                batch = []
            batch.append(item)
        if batch:
            yield batch


def pad_to_stride(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pad on the right and below to multiples of the stride."""
    below, right = (-side % UNetTiny.stride for side in image.shape)
    return cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_REFLECT_101)  # type: ignore[return-value]  # uint8 in, uint8 out


def _known_pixels(item: _Image, logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return logits and truth of an image, without its padding and what lies outside its region."""
    height, width = item.image.shape
    logits, truth = logits[:height, :width], torch.from_numpy(item.truth).float()
    if item.region is None:
        return logits, truth
    inside = torch.from_numpy(item.region)
    return logits[inside], truth[inside]


def _count(logits: Tensor, truth: Tensor, params: Loss) -> Tensor:
    probability = torch.sigmoid(logits)
    decided = (probability >= 0.5).float()
    values = (
        focal_cross_entropy(logits, truth, params.focal_gamma).sum(),
        torch.tensor(float(truth.numel())),
        (probability * truth).sum(),
        probability.sum(),
        truth.sum(),
        (decided * truth).sum(),
        decided.sum(),
    )
    return torch.stack(values).double()


def _summarize(sums: Tensor, params: Loss) -> Validation:
    entropy, pixels, hit, predicted, actual, _, _ = sums.sum(0)
    overlap = tversky_loss(hit, predicted - hit, actual - hit, params)
    loss = params.focal_weight * entropy / pixels + params.tversky_weight * overlap
    defective = sums[sums[:, 4] > 0]
    if len(defective) == 0:
        return Validation(loss.item(), 0.0)
    dice = 2 * defective[:, 5] / (defective[:, 6] + defective[:, 4]).clamp(min=1.0)
    return Validation(loss.item(), dice.mean().item())
