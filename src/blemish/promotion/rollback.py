"""The way back: to the champion before the present one."""

from blemish.errors import NotFoundError, PromotionError
from blemish.registry.aliases import move_champion
from blemish.registry.catalogue import Registry
from blemish.registry.history import Move, champions_in_order
from blemish.store.names import CHAMPION


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
