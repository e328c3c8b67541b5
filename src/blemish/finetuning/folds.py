"""Two-fold cross-validation: what networks answer to labelled photographs that they never saw.

With few labelled photographs none can be spared for validation, and those that the network has
learned by heart say nothing of the operating point. So two further networks learn half of them
each, in a share of the steps, and ``evaluate`` chooses on what each makes of the other half.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from blemish.files import sha256_bytes
from blemish.finetuning.set_images import SetImages
from blemish.packed import PackedSet

FOLDS = 2

SHARE = 0.4
"""Of the steps of the network that is handed out: the operating point needs no more."""

ENOUGH = 8
"""Labelled validation images from which on they choose the operating point without folds."""

Group = tuple[str, str]
"""The names of a set and of a group in it."""


def deal_folds(
    sets: Sequence[SetImages], validation: PackedSet, seed: int
) -> tuple[frozenset[Group], ...]:
    """Deal the groups that show a labelled defect to folds, the groups of each class in turn.

    Args:
        sets: The user's training images.
        validation: The user's validation images.
        seed: Shuffles the groups.

    Returns:
        The groups that each fold's network does not see. Nothing where enough labelled images
        validate, or where fewer than two groups show a labelled defect.
    """
    shown = sum(bool(validation.record(index).defects) for index in range(len(validation)))
    groups = [group for members in sets for group in _labelled_groups(members, seed)]
    if shown >= ENOUGH or len(groups) < FOLDS:
        return ()
    return tuple(frozenset(groups[fold::FOLDS]) for fold in range(FOLDS))


def _labelled_groups(members: SetImages, seed: int) -> list[Group]:
    """List the groups that show a labelled defect, those of one class one after another."""
    classes: dict[str, str] = {}
    for name in sorted(members.classes):
        for image in members.classes[name]:
            classes.setdefault(image.group, name)

    def place(group: str) -> tuple[str, str]:
        return classes[group], sha256_bytes(f"{seed}\0{members.name}\0{group}".encode())

    return [(members.name, group) for group in sorted(classes, key=place)]


def without(sets: Sequence[SetImages], held_out: frozenset[Group]) -> tuple[SetImages, ...]:
    """Return the training images without those of some groups; a set may be left with none."""
    return tuple(kept for kept in (_without(members, held_out) for members in sets) if kept.images)


def _without(members: SetImages, held_out: frozenset[Group]) -> SetImages:
    def keep(images: Sequence[Any]) -> list[Any]:
        return [image for image in images if (members.name, image.group) not in held_out]

    images = keep(members.images)
    classes = {name: keep(shown) for name, shown in members.classes.items()}
    return replace(
        members,
        images=images,
        classes={name: shown for name, shown in classes.items() if shown},
        labelled=sum(bool(image.anchors) for image in images),
    )


def held_out_images(sets: Sequence[SetImages], held_out: frozenset[Group]) -> list[list[str]]:
    """List set and id of the labelled photographs that a fold's network does not see."""
    return [
        [members.name, image.name]
        for members in sets
        for image in members.images
        if image.anchors and (members.name, image.group) in held_out
    ]
