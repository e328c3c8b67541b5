"""Moving the champion: under a lock, from where it was believed to be, written down."""

from typing import Literal

from blemish.errors import NotFoundError, PromotionConflictError, PromotionError
from blemish.registry.catalogue import Registry
from blemish.registry.history import champions_in_order
from blemish.tracking.ledger import Move, now, write
from blemish.tracking.names import CHAMPION, MODEL

Why = Literal["promote", "forced", "rollback"]


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

    Raises:
        PromotionConflictError: The champion was moved meanwhile; ours has not been applied, or has
            been overwritten.
    """
    store = registry.store
    with store.writing():
        found = registry.aliases().get(CHAMPION)
        if found != before:
            raise _conflict(before, found, after)
        with store.calling("Moving the champion") as client:
            client.set_registered_model_alias(MODEL, CHAMPION, str(after))
        found = registry.aliases().get(CHAMPION)
        if found != after:  # on a server, another host does not know our lock
            raise _conflict(before, found, after)
        move = Move(CHAMPION, before, after, now(), who, why, reason)
        write(store, move)
        return move


def rollback(registry: Registry, *, who: str, reason: str = "") -> Move:
    """Return to the champion before the present one; twice goes two back.

    Args:
        registry: Where.
        who: Author of the move.
        reason: What the author says of it.

    Raises:
        PromotionError: There was no champion before, or its version is gone.
        PromotionConflictError: The champion was moved meanwhile.
        TamperedModelError: The file of the version before is not the registered one.
    """
    stack = champions_in_order(registry.history())
    present = registry.aliases().get(CHAMPION)
    if len(stack) < 2 or present is None:
        raise PromotionError(
            f"There is no champion before the present one at {registry.location}. "
            "See who was when: blemish history"
        )
    try:
        target = registry.resolve(stack[-2])
    except NotFoundError as error:
        raise PromotionError(
            f"Version {stack[-2]}, champion before the present one, is gone. "
            "Choose another: blemish promote REF"
        ) from error
    registry.model_bytes(target)
    return move_champion(registry, present, target.version, who=who, why="rollback", reason=reason)


def _conflict(before: int | None, found: int | None, after: int) -> PromotionConflictError:
    names = [f"version {n}" if n is not None else "nobody" for n in (before, found)]
    return PromotionConflictError(
        f"The champion was {names[0]} when version {after} was judged, and is {names[1]} now: "
        "somebody else moved it. See who: blemish history"
    )
