"""Two-fold cross-validation: what networks answer to photographs that they never saw.

A network is sure of whatever it was trained on, so its own training photographs say nothing of the
operating point; and of a user's few photographs hardly any can be spared for validation. So two
further networks learn one half of the photographs each, in a share of the steps, and ``evaluate``
chooses on what each makes of the other half.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from blemish.files import sha256_bytes
from blemish.finetuning.set_images import SetImages
from blemish.training.crops import evenly_spaced

FOLDS = 2

SHARE = 0.3
"""Of the steps of the network that is handed out: the operating point needs no more."""

AT_MOST = 200
"""Photographs of a fold and kind, with and without a defect, that are answered at most."""

Group = tuple[str, str]
"""The names of a set and of a group in it."""


def deal_folds(sets: Sequence[SetImages], seed: int) -> tuple[frozenset[Group], ...]:
    """Deal the groups of photographs to folds, those of each class in turn.

    Args:
        sets: The user's training images.
        seed: Shuffles the groups.

    Returns:
        The groups that each fold's network does not see. Nothing where those that show a labelled
        defect, or without any those of clean photographs, are fewer than the folds.
    """
    labelled = [group for members in sets for group in _labelled_groups(members, seed)]
    others = [group for members in sets for group in _other_groups(members, seed)]
    if len(labelled or others) < FOLDS:
        return ()
    groups = [*labelled, *others]
    return tuple(frozenset(groups[fold::FOLDS]) for fold in range(FOLDS))


def _labelled_groups(members: SetImages, seed: int) -> list[Group]:
    """List the groups that show a labelled defect, those of one class one after another."""
    classes: dict[str, str] = {}
    for name in sorted(members.classes):
        for image in members.classes[name]:
            classes.setdefault(image.group, name)

    def place(group: str) -> tuple[str, str]:
        return classes[group], _shuffled(members, group, seed)

    return [(members.name, group) for group in sorted(classes, key=place)]


def _other_groups(members: SetImages, seed: int) -> list[Group]:
    """List the groups that show no labelled defect."""
    shown = {image.group for images in members.classes.values() for image in images}
    others = {image.group for image in members.images} - shown
    ordered = sorted(others, key=lambda group: _shuffled(members, group, seed))
    return [(members.name, group) for group in ordered]


def _shuffled(members: SetImages, group: str, seed: int) -> str:
    return sha256_bytes(f"{seed}\0{members.name}\0{group}".encode())


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
        drawn=keep(members.drawn),
        classes={name: shown for name, shown in classes.items() if shown},
        labelled=sum(bool(image.anchors) for image in images),
    )


def held_out_images(sets: Sequence[SetImages], held_out: frozenset[Group]) -> list[list[str]]:
    """List set and id of photographs that a fold's network does not see."""
    found: dict[bool, list[list[str]]] = {True: [], False: []}
    for members in sets:
        for image in members.images:
            if (members.name, image.group) in held_out:
                found[bool(image.anchors)].append([members.name, image.name])
    return [kind[place] for kind in found.values() for place in evenly_spaced(len(kind), AT_MOST)]
