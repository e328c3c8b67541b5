"""On which images threshold and peak are chosen: the user's own wherever there are any.

The first of these that exists: labelled validation images of the user's, with their defect-free
ones, and labelled training images beside them where they are few; with clean photographs alone,
defects drawn onto them, with the photographs as they are; without any set, synthetic images.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from blemish.config.drawing import Drawing
from blemish.config.evaluate import Evaluate
from blemish.packed import JoinedSet
from blemish.photographs.bank import Photograph, draw_bank

Plane = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

DRAWN = 64
"""Images with drawn defects that a threshold is chosen on, in each set of clean photographs."""

ENOUGH = 8
"""Labelled validation images from which on they choose alone."""


@dataclass(frozen=True)
class Example:
    """An image that the operating point is chosen on."""

    set_name: str
    image: Plane
    """Shape ``(H, W)``, uint8."""
    truth: Mask
    """Same shape."""
    region: Mask | None = None
    """Same shape: the region of interest; None is the whole image."""


@dataclass(frozen=True)
class Basis:
    """Images that the operating point is chosen on, and what they are."""

    examples: Iterable[Example]
    count: int
    sentence: str
    clean: int
    """Defect-free validation images of the user's among them."""


def choose_basis(
    synthetic: JoinedSet, validation: JoinedSet, training: JoinedSet, params: Evaluate
) -> Basis:
    """Choose the images.

    Args:
        synthetic: The synthetic validation split.
        validation: That of the user's sets.
        training: The training split of the user's sets.
        params: The seed of the drawing.
    """
    if len(validation) + len(training) == 0:
        return _of_images(synthetic, "synthetic validation images", clean=0)
    clean = _where(validation, defective=False)
    labelled = _where(validation, defective=True)
    if len(labelled) >= ENOUGH:
        what = f"{len(labelled)} labelled and {len(clean)} defect-free validation images"
        return _of_images(validation, what, clean=len(clean))
    shown = _where(training, defective=True)
    if labelled or shown:
        chosen = JoinedSet([*validation.entries, *training.some(shown).entries])
        what = (
            f"{len(labelled)} labelled validation images, few, and {len(shown)} labelled training "
            f"images; {len(clean)} defect-free validation images"
        )
        return _of_images(chosen, what, clean=len(clean))
    source = validation if len(validation) else training
    names = sorted({source.record(index).set_name for index in range(len(source))})
    what = f"defects drawn onto {len(source)} clean photographs, and the photographs as they are"
    return Basis(
        _drawn_and_clean(source, names, params), DRAWN * len(names) + len(source), what, len(clean)
    )


def _where(images: JoinedSet, *, defective: bool) -> list[int]:
    return [i for i in range(len(images)) if bool(images.record(i).defects) == defective]


def _of_images(images: JoinedSet, what: str, clean: int) -> Basis:
    return Basis(_examples(images), len(images), what, clean)


def _examples(images: JoinedSet) -> Iterator[Example]:
    for index in range(len(images)):
        name = images.record(index).set_name
        yield Example(name, images.image(index), images.mask(index), images.region(index))


def _drawn_and_clean(
    images: JoinedSet, names: Sequence[str], params: Evaluate
) -> Iterator[Example]:
    yield from _examples(images)
    for name in names:
        photographs = [
            Photograph(images.record(i).image_id, images.image(i), images.region(i))
            for i in range(len(images))
            if images.record(i).set_name == name
        ]
        seed = params.bootstrap.seed
        for drawn in draw_bank(photographs, Drawing(), seed=seed, count=DRAWN):
            yield Example(name, drawn.image, drawn.instances > 0)
