"""Photographs declared defect-free that the network marks strongly: listed, and left out."""

import copy
from collections.abc import Iterator, Sequence

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


def leave_out_suspects(
    sets: Sequence[SetImages], network: UNetTiny, fabric: Fabric
) -> dict[str, tuple[Suspect, ...]]:
    """Remove from each set the clean photographs that may show a defect.

    Args:
        sets: The user's sets; are changed.
        network: Finds what may be a defect: the weights that fine-tuning starts from.
        fabric: The processes that train; the first looks, all of them leave out what it found.

    Returns:
        By set the photographs that were left out, the most suspicious first.
    """
    found = by_first_process(fabric, lambda: _find_suspects(sets, network))
    for members in sets:
        names = {suspect.name for suspect in found[members.name]}
        members.images = [image for image in members.images if image.name not in names]
    return found


def _find_suspects(sets: Sequence[SetImages], network: UNetTiny) -> dict[str, tuple[Suspect, ...]]:
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
