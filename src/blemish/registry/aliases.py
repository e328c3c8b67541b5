"""Aliases: set at registration; the champion moves under a lock, and that is written down."""

from functools import partial
from typing import Literal

from blemish.errors import PromotionConflictError
from blemish.registry.catalogue import Registry
from blemish.registry.history import announce_and_apply
from blemish.registry.moves import Move, check_text, now, read_moves
from blemish.registry.registration import find_versions
from blemish.store.connection import Store
from blemish.store.names import CANDIDATES, CHAMPION, MODEL, PRECISION

Why = Literal["promote", "forced", "rollback"]


def set_aliases_of_new_version(store: Store, precision: str, number: int) -> tuple[str, ...]:
    """Point the aliases at a version just registered.

    The newest of its precision is the candidate; the first fp32 version ever is champion.

    Returns:
        The aliases that were set.
    """
    alias = CANDIDATES[precision]
    with store.calling("Setting aliases") as client:
        client.set_registered_model_alias(MODEL, alias, str(number))
    if precision != "fp32" or not _is_first(store, number):
        return (alias,)
    move = Move(CHAMPION, None, number, now(), "blemish", "first", "first fp32 version")
    announce_and_apply(store, move, partial(_point_champion, store, number))
    return (alias, CHAMPION)


def _point_champion(store: Store, number: int) -> None:
    with store.calling("Moving the champion") as client:
        client.set_registered_model_alias(MODEL, CHAMPION, str(number))


def _is_first(store: Store, number: int) -> bool:
    """Whether no fp32 version was before this one and nobody ever moved the champion."""
    others = [
        found for found in find_versions(store, {PRECISION: "fp32"}) if int(found.version) != number
    ]
    with store.calling("Reading the registered model") as client:
        model = client.get_registered_model(MODEL)
        return not others and CHAMPION not in model.aliases and not read_moves(model.tags).found


def move_champion(
    registry: Registry, before: int | None, after: int, *, who: str, why: Why, reason: str
) -> Move:
    """Point ``champion`` at another version and write that down.

    Args:
        registry: Where.
        before: Version that the decision took for the champion; None for none.
        after: Version to point at.
        who: Author of the move.
        why: What kind of move it is.
        reason: What the author says of it.

    Returns:
        The move as it stands in the history.

    Raises:
        ParamsError: Name or reason cannot be written; nothing was moved.
        PromotionConflictError: The champion was moved meanwhile; ours has not been applied, or has
            been overwritten.
        StoreError: The store failed; history and alias agree on whether the champion moved.
    """
    who, reason = check_text("The name", who), check_text("The reason", reason)
    store = registry.store

    def apply() -> None:
        _point_champion(store, after)
        found = registry.aliases().get(CHAMPION)
        if found != after:  # on a server, another host does not know our lock
            raise _conflict(before, found, after)

    with store.writing():
        found = registry.aliases().get(CHAMPION)
        if found != before:
            raise _conflict(before, found, after)
        return announce_and_apply(
            store, Move(CHAMPION, before, after, now(), who, why, reason), apply
        )


def _conflict(before: int | None, found: int | None, after: int) -> PromotionConflictError:
    names = [f"version {n}" if n is not None else "nobody" for n in (before, found)]
    return PromotionConflictError(
        f"The champion was {names[0]} when version {after} was judged, and is {names[1]} now: "
        "somebody else moved it. See who: blemish history"
    )
