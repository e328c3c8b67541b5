"""The history of an alias: MLflow keeps neither author nor time of a move.

Each move that Blemish makes is one tag of the registered model, so everybody who shares the store
shares the history. A move made outside is noticed at the next look and written down then.
"""

import json
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from blemish.store.connection import Store
from blemish.store.names import CHAMPION, MODEL, MOVE, SEEN

OUTSIDE = "outside Blemish"
_SEEN_FRESH = timedelta(seconds=60)


@dataclass(frozen=True)
class Move:
    """One move of an alias.

    Attributes:
        alias: Which.
        before: Version it named before; None for none.
        after: Version it names since; None when it was removed.
        at: When, ISO 8601 UTC; for a move made outside, when it was first seen.
        who: Author; ``outside Blemish`` where nobody said.
        why: ``first``, ``promote``, ``forced``, ``rollback`` or ``outside``.
        reason: What the author gave as reason.
        since: For a move made outside, when the alias was last seen at ``before``.
    """

    alias: str
    before: int | None
    after: int | None
    at: str
    who: str
    why: str
    reason: str = ""
    since: str = ""

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what :func:`write` wrote."""
        return cls(**json.loads(text))


@dataclass(frozen=True)
class Seen:
    """Where an alias was last seen, and when (ISO 8601 UTC)."""

    version: int | None
    at: str


def now() -> str:
    """Return the time as ISO 8601 UTC with microseconds, which sorts as text."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def write(store: Store, move: Move) -> None:
    """Append a move, and note that its alias was seen there."""
    digits = "".join(character for character in move.at[:26] if character.isdigit())
    key = f"{MOVE}{digits}-{secrets.token_hex(3)}"
    with store.calling("Writing the history") as client:
        client.set_registered_model_tag(MODEL, key, json.dumps(asdict(move)))
    write_seen(store, move.alias, Seen(move.after, move.at))


def write_seen(store: Store, alias: str, seen: Seen) -> None:
    """Note where an alias was seen."""
    with store.calling("Writing the history") as client:
        client.set_registered_model_tag(MODEL, f"{SEEN}{alias}", json.dumps(asdict(seen)))


def read_moves(tags: dict[str, Any], alias: str = CHAMPION) -> tuple[Move, ...]:
    """Return the moves of an alias, oldest first, from the registered model's tags."""
    moves = [Move.from_json(text) for key, text in sorted(tags.items()) if key.startswith(MOVE)]
    return tuple(move for move in moves if move.alias == alias)


def read_seen(tags: dict[str, Any], alias: str = CHAMPION) -> Seen | None:
    """Return where an alias was last seen, from the registered model's tags."""
    text = tags.get(f"{SEEN}{alias}")
    return Seen(**json.loads(text)) if text else None


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
