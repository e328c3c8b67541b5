"""Photographs declared defect-free that the network marks strongly: listed, and left out."""

import copy
from collections.abc import Iterator, Mapping, Sequence

import torch
from lightning_fabric import Fabric
from torch import nn

from blemish.arrays import Map
from blemish.finetuning.set_images import SetImages
from blemish.finetuning.suspects import Suspect, rank_suspects
from blemish.model import Probability, UNetTiny, on_arrays
from blemish.preprocessing import MODEL_SIZE
from blemish.tiling import predict_tiled
from blemish.training.crops import TrainingImage
from blemish.training.sharing import by_first_process


def find_suspects(
    sets: Sequence[SetImages], network: UNetTiny, fabric: Fabric
) -> dict[str, tuple[Suspect, ...]]:
    """Find the clean photographs of each set that may show a defect.

    Args:
        sets: The user's sets.
        network: Finds what may be a defect: the weights that fine-tuning starts from.
        fabric: The processes that train; the first looks, all of them get what it found.

    Returns:
        Those by set, the most suspicious first.
    """
    return by_first_process(fabric, lambda: _look(sets, network))


def leave_out(sets: Sequence[SetImages], suspects: Mapping[str, Sequence[Suspect]]) -> None:
    """Remove photographs from the sets."""
    for members in sets:
        names = {suspect.name for suspect in suspects[members.name]}
        members.images = [image for image in members.images if image.name not in names]


def _look(sets: Sequence[SetImages], network: UNetTiny) -> dict[str, tuple[Suspect, ...]]:
    fast = Probability(copy.deepcopy(network)).eval()
    fast = fast.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # the stub lacks this form
    return {members.name: _suspects(members, fast) for members in sets}


def _suspects(members: SetImages, network: nn.Module) -> tuple[Suspect, ...]:
    clean = [image for image in members.images if image.clean]
    regions = [None if image.region is None else image.region > 0 for image in clean]
    names = [image.name for image in clean]
    ranked = rank_suspects(names, _maps(clean, network), regions)
    return tuple(suspect for suspect in ranked if suspect.suspicious)


def _maps(images: Sequence[TrainingImage], network: nn.Module) -> Iterator[Map]:
    run = on_arrays(network)
    for image in images:
        yield predict_tiled(image.image, run, tile=MODEL_SIZE)
