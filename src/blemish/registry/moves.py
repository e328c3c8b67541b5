"""A move of an alias as one tag of the registered model, and the order of such moves.

MLflow keeps neither author nor time of a move. Tags are shared by everybody who shares the store,
and anybody can edit them: an entry that cannot be read is named and left out.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from blemish.errors import ParamsError
from blemish.files import canonical_json
from blemish.store.names import CHAMPION, MOVE, SEEN

_TEXT_LENGTH = 2000
_TAG_LENGTH = 20_000
_T = TypeVar("_T")


@dataclass(frozen=True)
class Move:
    """One move of an alias.

    Attributes:
        alias: Which.
        before: Version it named before; None for none.
        after: Version it names since; None when it was removed.
        at: When, ISO 8601 UTC; for a move made outside, when it was first seen.
        who: Author; ``outside Blemish`` where it is not known.
        why: ``first``, ``promote``, ``forced``, ``rollback`` or ``outside``.
        reason: What the author gave as reason.
        since: For a move made outside, when the alias was last seen at ``before``.
        number: Its place in the order of moves, from 1; 0 in a history older than this field.
    """

    alias: str
    before: int | None
    after: int | None
    at: str
    who: str
    why: str
    reason: str = ""
    since: str = ""
    number: int = 0

    def __post_init__(self) -> None:
        _check_time(self.at)
        if self.since:
            _check_time(self.since)
        if max(len(self.who), len(self.why), len(self.reason)) > 10 * _TEXT_LENGTH:
            raise ValueError("who, why or reason is too long")

    def to_tag(self) -> tuple[str, str]:
        """Return the key and the value of its tag; every call makes another key."""
        digits = "".join(character for character in self.at[:26] if character.isdigit())
        return f"{MOVE}{digits}-{secrets.token_hex(3)}", canonical_json(asdict(self)).decode()


@dataclass(frozen=True)
class LastSeen:
    """Where an alias was last seen, when (ISO 8601 UTC), and by which move it came there."""

    version: int | None
    at: str
    number: int = 0

    def __post_init__(self) -> None:
        _check_time(self.at)

    def to_json(self) -> str:
        """Return the value of its tag."""
        return canonical_json(asdict(self)).decode()


@dataclass(frozen=True)
class Entries(Generic[_T]):
    """What tags say: the entries that can be read, and sentences on those that cannot."""

    found: tuple[_T, ...]
    unreadable: tuple[str, ...]


_MOVES = TypeAdapter(Move)
_SEEN = TypeAdapter(LastSeen)


def now() -> str:
    """Return the time as ISO 8601 UTC with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def read_moves(tags: Mapping[str, Any], alias: str = CHAMPION) -> Entries[Move]:
    """Return the moves of an alias in the order in which they happened."""
    by_key, unreadable = parse_moves(tags, alias)
    return Entries(in_order(by_key.values()), unreadable)


def parse_moves(tags: Mapping[str, Any], alias: str) -> tuple[dict[str, Move], tuple[str, ...]]:
    """Return the moves of an alias by their tag's key, and sentences on what cannot be read."""
    moves, unreadable = {}, []
    for key, text in sorted(tags.items()):
        if not key.startswith(MOVE):
            continue
        try:
            moves[key] = _parse(_MOVES, text)
        except ValueError as error:
            unreadable.append(
                f"The history's entry {key!r} cannot be read ({error}) and is left out."
            )
    return {key: move for key, move in moves.items() if move.alias == alias}, tuple(unreadable)


def read_seen(tags: Mapping[str, Any], alias: str = CHAMPION) -> LastSeen | None:
    """Return where an alias was last seen; None where nothing says so."""
    try:
        return _parse(_SEEN, tags[f"{SEEN}{alias}"])
    except (KeyError, ValueError):
        return None


def in_order(moves: Iterable[Move]) -> tuple[Move, ...]:
    """Order moves by their number and by what follows from what, never by a clock.

    Each begins at the version where the one before it ended, so moves without a number, or with
    that of another host, still form a chain.

    Args:
        moves: In any order; the given one decides where the chain does not.
    """
    waiting = sorted(moves, key=lambda move: move.number)  # stable
    chain: list[Move] = []
    while waiting:
        present = chain[-1].after if chain else None
        following = [move for move in waiting if move.before == present] or waiting
        lowest = [move for move in waiting if move.number == waiting[0].number]
        chosen = next((move for move in following if move in lowest), lowest[0])
        waiting.remove(chosen)
        chain.append(chosen)
    return tuple(chain)


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


def check_text(what: str, text: str) -> str:
    """Return a text that can be written into the history and shown in a terminal.

    Args:
        what: Its name, for the error.
        text: As a person typed it.

    Raises:
        ParamsError: It is too long, or holds control characters or bytes that are no text.
    """
    stripped = text.strip()
    odd = sorted({c for c in stripped if not (c.isprintable() or c in "\n\t")})
    if odd:
        names = ", ".join(f"U+{ord(character):04X}" for character in odd[:5])
        raise ParamsError(
            f"{what} holds characters that cannot be written into the history: {names}. Accepted "
            "is printable text. Nothing was moved."
        )
    if len(stripped) > _TEXT_LENGTH:
        raise ParamsError(
            f"{what} has {len(stripped)} characters; accepted are at most {_TEXT_LENGTH}. Nothing "
            "was moved."
        )
    return stripped


def next_number(moves: Sequence[Move]) -> int:
    """Return the number of the move that follows."""
    return max([len(moves), *(move.number for move in moves)]) + 1


def _parse(adapter: TypeAdapter[_T], text: object) -> _T:
    if not isinstance(text, str) or len(text) > _TAG_LENGTH:
        raise ValueError(f"it is no text of at most {_TAG_LENGTH} characters")
    try:
        return adapter.validate_json(text, strict=True)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:2]]
        raise ValueError("; ".join(faults)) from error


def _check_time(text: str) -> None:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone")
    if not 1 < time.year < 9999:  # Python shows it in no other zone
        raise ValueError(f"{text!r} is no time that a zone has")
