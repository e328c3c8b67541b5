"""Photographs that were declared defect-free and may not be."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from blemish.arrays import Map, Mask

_MARKED = 0.5  # probability from which a pixel counts
_OUTLIER = 2.0  # robust deviations above the median of the set
_LEAST_PIXELS = 12.0  # expected defective pixels below which no photograph is suspicious


@dataclass(frozen=True)
class Suspect:
    """How strongly the network marks a photograph that was declared defect-free.

    Attributes:
        name: Of the photograph.
        pixels: Sum of the probabilities of its marked pixels: the defective area expected, px.
        suspicious: Whether a person should look before it trains.
    """

    name: str
    pixels: float
    suspicious: bool


def rank_suspects(
    names: Sequence[str],
    maps: Iterable[Map],
    regions: Sequence[Mask | None] | None = None,
    *,
    largest_share: float = 0.1,
) -> tuple[Suspect, ...]:
    """Rank photographs by the defective area that the network expects, largest first.

    A network that has not seen this metal may mark every photograph of it, so each is compared
    with the others: suspicious are outliers of the set (more than two robust deviations above
    its median, on a logarithmic scale), and never more than a share of it, or one of few.

    Args:
        names: Of the photographs.
        maps: Probability maps, shape ``(H, W)`` each, in the order of the names; read one by one.
        regions: Where the part is, of the same shapes; None: everywhere.
        largest_share: Of the photographs that may be suspicious.
    """
    pixels = np.array(
        [
            _expected_pixels(found, None if regions is None else regions[index])
            for index, found in enumerate(maps)
        ]
    )
    scale = np.log(pixels + _LEAST_PIXELS)
    middle = np.median(scale) if len(scale) else 0.0
    deviation = 1.48 * np.median(np.abs(scale - middle)) if len(scale) else 0.0
    limit = middle + _OUTLIER * max(float(deviation), 0.1)
    order = np.argsort(-pixels, kind="stable")
    allowed = max(1, int(largest_share * len(pixels)))
    return tuple(
        Suspect(
            names[index],
            round(float(pixels[index]), 1),
            bool(place < allowed and scale[index] > limit and pixels[index] >= _LEAST_PIXELS),
        )
        for place, index in enumerate(order)
    )


def _expected_pixels(found: Map, region: Mask | None) -> float:
    inside = found if region is None else found[region]
    return float(inside[inside >= _MARKED].sum(dtype=np.float64))
