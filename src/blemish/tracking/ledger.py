"""Moves of aliases, written down as they happen: MLflow keeps neither author nor time of them.

Each move is one tag of the registered model, so everybody who shares the store shares the history.
"""

import json
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Self

from blemish.tracking.names import CHAMPION, MODEL, MOVE, SEEN
from blemish.tracking.store import Store


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
