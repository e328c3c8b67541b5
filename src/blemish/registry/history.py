"""The history of an alias: moves that Blemish made, and those it only noticed."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from blemish.tracking.ledger import Move, Seen, now, read_moves, read_seen, write, write_seen
from blemish.tracking.names import CHAMPION, MODEL
from blemish.tracking.store import Store

OUTSIDE = "outside Blemish"
_SEEN_FRESH = timedelta(seconds=60)


def observe(store: Store, alias: str = CHAMPION) -> tuple[Move, ...]:
    """Look where an alias points, write down a move made outside, and return all moves.

    Args:
        store: Where.
        alias: Which.

    Returns:
        The moves, oldest first.

    Raises:
        NotFoundError: There is no registered model yet.
        StoreUnreachableError: The store does not answer.
    """
    moves, seen, current = _read(store, alias)
    if current == (seen.version if seen else None):
        if seen and datetime.fromisoformat(now()) - datetime.fromisoformat(seen.at) > _SEEN_FRESH:
            write_seen(store, alias, Seen(current, now()))
        return moves
    with store.writing():  # two that notice the same move write it once
        moves, seen, current = _read(store, alias)
        if current == (seen.version if seen else None):
            return moves
        before, since = (seen.version, seen.at) if seen else (None, "")
        move = Move(alias, before, current, now(), OUTSIDE, "outside", since=since)
        write(store, move)
        return (*moves, move)


def _read(store: Store, alias: str) -> tuple[tuple[Move, ...], Seen | None, int | None]:
    """Return the moves, where the alias was last seen, and where it is."""
    with store.calling("Reading the history") as client:
        model = client.get_registered_model(MODEL)
    number = model.aliases.get(alias)
    current = int(number) if number is not None else None
    return read_moves(model.tags, alias), read_seen(model.tags, alias), current


def champions_in_order(moves: Iterable[Move]) -> list[int]:
    """Replay moves into the stack of champions, the present one last.

    A rollback takes the top away; every other move puts one on top, so that rolling back twice
    goes two champions back.
    """
    stack: list[int] = []
    for move in moves:
        if move.why == "rollback" and len(stack) > 1:
            stack.pop()
        if move.after is not None and (not stack or stack[-1] != move.after):
            stack.append(move.after)
    return stack
