"""On which images threshold and peak are chosen: the user's own wherever there are any.

The first of these that exists: the user's training images, each as the network of a fold answers it
that did not see it, with their validation images; where too few are labelled for folds, labelled
validation images with the defect-free ones; without any set, synthetic images. Beside few labels,
defects drawn onto clean validation photographs choose as well. With clean photographs alone,
defects drawn onto them choose the threshold, and the photographs as they are, answered likewise,
the peak.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from blemish.arrays import Mask, Plane
from blemish.config.drawing import Drawing
from blemish.config.evaluate import Evaluate
from blemish.errors import ModelFileError
from blemish.packed import JoinedSet
from blemish.photographs.bank import Photograph, draw_bank

DRAWN = 64
"""Images with drawn defects that a threshold is chosen on, in each set of clean photographs."""

FEW_LABELLED = 10
"""Labelled images below which drawn defects choose beside them.

Each of five is most likely the only one of its class, so no fold's network has seen the like of it.
"""


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
    fold: int = 0
    """Number of the fold whose network did not see it; 0: the network itself did not."""


@dataclass(frozen=True)
class Basis:
    """Images that the operating point is chosen on, and what they are."""

    examples: Iterable[Example]
    count: int
    sentence: str
    beside_defects: bool = True
    """Whether its network has not seen what lies beside the defects of its labelled images."""
    learned: bool = False
    """Whether its defect-free images are training images, which say nothing of new ones."""


Folds = Sequence[Sequence[Sequence[str]]]
"""For each fold set and id of training images that its network did not see."""


def read_folds(tuned: Path) -> Folds:
    """Read which images the networks of a cross-validation did not see.

    Args:
        tuned: What fine-tuning left; without a cross-validation there are no folds.

    Raises:
        ModelFileError: The file is corrupt.
    """
    path = tuned / "folds.json"
    if not path.exists():
        return ()
    try:
        folds: Folds = json.loads(path.read_text(encoding="utf-8"))["held_out"]
    except (OSError, ValueError, KeyError) as error:
        raise ModelFileError(f"{path} cannot be read: {error}. Run: dvc repro finetune") from error
    return folds


def choose_basis(
    synthetic: JoinedSet,
    validation: JoinedSet,
    training: JoinedSet,
    folds: Folds,
    params: Evaluate,
    *,
    drawing: Drawing,
) -> Basis:
    """Choose the images.

    Args:
        synthetic: The synthetic validation split.
        validation: That of the user's sets.
        training: The training split of the user's sets.
        folds: Of the cross-validation, where there was one.
        params: The seed of the drawing.
        drawing: What is drawn onto clean photographs: what fine-tuning drew.
    """
    if len(validation) + len(training) == 0:
        return _of_images(synthetic, "synthetic validation images")
    labels = len(_labelled(validation)) + len(_labelled(training))
    drawer = _Drawer(drawing, params.bootstrap.seed)
    if not labels:
        return _of_clean(validation, training, folds, drawer)
    basis = _of_labelled(validation, training, folds)
    return basis if labels >= FEW_LABELLED else _with_drawn(basis, validation, drawer)


def _of_labelled(validation: JoinedSet, training: JoinedSet, folds: Folds) -> Basis:
    """Choose by labelled images and the defect-free ones beside them."""
    labelled, shown = _labelled(validation), _labelled(training)
    defect_free = f"{len(validation) - len(labelled)} defect-free validation images"
    if folds:
        what = f"{len(labelled)} labelled and {defect_free}"
        return _with_folds(validation, training, folds, what)
    if labelled:
        what = f"{len(labelled)} labelled validation images and {defect_free}"
        return _of_images(validation, what)
    chosen = JoinedSet([*validation.entries, *training.some(shown).entries])
    what = (
        f"no labelled validation image, but {len(shown)} labelled training images, which the "
        f"network has learned by heart, and {defect_free}"
    )
    return replace(_of_images(chosen, what), beside_defects=False)


def _with_drawn(basis: Basis, validation: JoinedSet, drawer: "_Drawer") -> Basis:
    """Have defects drawn onto clean validation photographs, if there are any, choose as well."""
    labelled = set(_labelled(validation))
    clean = validation.some([i for i in range(len(validation)) if i not in labelled])
    if not len(clean):
        return basis

    def examples() -> Iterator[Example]:
        yield from basis.examples
        yield from drawer.draw(clean, 0)

    what = f"{basis.sentence}, and, for want of labels, defects drawn onto {len(clean)} of these"
    count = basis.count + DRAWN * len(_names(clean))
    return replace(basis, examples=examples(), count=count, sentence=what)


def _labelled(images: JoinedSet) -> list[int]:
    """List the images that show a labelled defect."""
    return [index for index in range(len(images)) if images.annotation(index).defects]


def _of_images(images: JoinedSet, what: str) -> Basis:
    return Basis(_examples(images), len(images), what)


def _with_folds(validation: JoinedSet, training: JoinedSet, folds: Folds, what: str) -> Basis:
    unseen = _unseen(validation, training, folds)
    trained = [images for images, fold in unseen if fold]
    defective = sum(len(_labelled(images)) for images in trained)
    sentence = (
        f"{defective} labelled and {sum(map(len, trained)) - defective} defect-free training "
        f"images by cross-validation, and {what}"
    )
    return Basis(_each(unseen), sum(len(images) for images, _ in unseen), sentence)


def _of_clean(validation: JoinedSet, training: JoinedSet, folds: Folds, drawer: "_Drawer") -> Basis:
    """Choose by photographs none of which shows a labelled defect, and what is drawn onto them."""
    unseen = _unseen(validation, training, folds)
    learned = not unseen
    shown = unseen or [(training, 0)]
    onto, fold = shown[0]

    def examples() -> Iterator[Example]:
        yield from _each(shown)
        yield from drawer.draw(onto, fold)

    count = sum(len(images) for images, _ in shown)
    what = f"defects drawn onto {len(onto)} clean photographs, and {count} photographs as they are"
    if folds:
        what += ", those that train by cross-validation"
    if learned:
        what += "; no photograph validates, and these the network has learned as defect-free"
    total = count + DRAWN * len(_names(onto))
    return Basis(examples(), total, what, beside_defects=False, learned=learned)


_Unseen = Sequence[tuple[JoinedSet, int]]
"""Images, and the number of the network that did not see them, as in :class:`Example`."""


def _unseen(validation: JoinedSet, training: JoinedSet, folds: Folds) -> _Unseen:
    """Return the validation images and those of each fold, as far as there are any."""
    annotations = [training.annotation(index) for index in range(len(training))]
    places = {
        (annotation.set_name, annotation.image_id): place
        for place, annotation in enumerate(annotations)
    }
    parts = [training.some([places[name, image_id] for name, image_id in fold]) for fold in folds]
    numbered = enumerate([validation, *parts])
    return [(images, number) for number, images in numbered if len(images)]


def _each(unseen: _Unseen) -> Iterator[Example]:
    for images, fold in unseen:
        yield from _examples(images, fold)


def _examples(images: JoinedSet, fold: int = 0) -> Iterator[Example]:
    for index in range(len(images)):
        name = images.annotation(index).set_name
        region = images.region(index)
        yield Example(name, images.image(index), images.mask(index), region, fold)


def _names(images: JoinedSet) -> list[str]:
    """List the sets that images are of."""
    return sorted({images.annotation(index).set_name for index in range(len(images))})


@dataclass(frozen=True)
class _Drawer:
    """Draws defects onto clean photographs."""

    drawing: Drawing
    seed: int

    def draw(self, images: JoinedSet, fold: int) -> Iterator[Example]:
        """Draw ``DRAWN`` images for each set."""
        for name in _names(images):
            photographs = [
                Photograph(images.annotation(i).image_id, images.image(i), images.region(i))
                for i in range(len(images))
                if images.annotation(i).set_name == name
            ]
            for drawn in draw_bank(photographs, self.drawing, seed=self.seed, count=DRAWN):
                yield Example(name, drawn.image, drawn.instances > 0, drawn.region, fold)
