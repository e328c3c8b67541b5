"""The way back: to the champion before the present one."""

from dataclasses import dataclass

from blemish.errors import ModelFileError, NotFoundError, PromotionConflictError, PromotionError
from blemish.registry.aliases import move_champion
from blemish.registry.catalogue import Registry
from blemish.registry.moves import Move, champions_in_order, check_text
from blemish.registry.version import Version
from blemish.store.names import CHAMPION


@dataclass(frozen=True)
class RollbackTarget:
    """Where a rollback leads.

    Attributes:
        version: The champion before the present one.
        present: Number of the present champion.
        warnings: Sentences on what speaks against it.
    """

    version: Version
    present: int
    warnings: tuple[str, ...]


def find_target(registry: Registry) -> RollbackTarget:
    """Say where a rollback would lead, by the chain of moves.

    Args:
        registry: Where.

    Raises:
        PromotionError: There was no champion before, or its version is gone.
        StoreUnreachableError: The store does not answer.
    """
    stack = champions_in_order(registry.history())
    present = registry.aliases().get(CHAMPION)
    if stack and stack[-1] == present:
        stack.pop()
    if not stack or present is None:
        raise PromotionError(
            f"There is no champion before the present one at {registry.location}. "
            "See who was when: blemish history"
        )
    try:
        version = registry.resolve(stack[-1])
    except NotFoundError as error:
        raise PromotionError(
            f"Version {stack[-1]}, champion before the present one, is gone. "
            "Choose another: blemish promote REF"
        ) from error
    return RollbackTarget(version, present, tuple(_warnings(registry, version)))


def rollback(
    registry: Registry, *, who: str, reason: str = "", expected: int | None = None
) -> Move:
    """Return to the champion before the present one; twice goes two back.

    Args:
        registry: Where.
        who: Author of the move.
        reason: What the author says of it.
        expected: Version that the author was told; None where none was named.

    Raises:
        ParamsError: Name or reason cannot be written; nothing was moved.
        PromotionError: There was no champion before, or its version is gone.
        PromotionConflictError: The champion was moved meanwhile, or the way back leads elsewhere
            than the author was told.
        TamperedModelError: The file of the version before is not the registered one.
    """
    check_text("The reason", reason)
    target = find_target(registry)
    number = target.version.version
    if expected not in (None, number):
        raise PromotionConflictError(
            f"A rollback leads to version {number} now, not to version {expected}: somebody moved "
            "the champion. See who: blemish history"
        )
    registry.model_bytes(target.version)
    return move_champion(registry, target.present, number, who=who, why="rollback", reason=reason)


def _warnings(registry: Registry, version: Version) -> list[str]:
    warnings = []
    gate = version.gate
    if gate.get("verdict") in ("refused", "forced"):
        warnings.append(
            f"The gate refused version {version.version} on {gate.get('at', '')[:10]}; it was "
            f"{'promoted by force' if gate['verdict'] == 'forced' else 'not promoted then'}."
        )
    try:
        registry.stored_bytes(version)
    except (ModelFileError, NotFoundError) as error:
        warnings.append(f"Its file cannot be used: {error}")
    return warnings
