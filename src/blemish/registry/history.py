"""The history of an alias agrees with the alias: a move is announced, made, then confirmed.

A kill between these steps leaves an announcement. It counts if the alias is where it leads, and
is void if not. A move made outside is noticed at the next look and written down then.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from blemish.errors import StoreError
from blemish.registry.moves import (
    Entries,
    LastSeen,
    Move,
    in_order,
    next_number,
    now,
    parse_moves,
    read_seen,
)
from blemish.store.connection import Store
from blemish.store.names import CHAMPION, MODEL, SEEN

OUTSIDE = "outside Blemish"
_SEEN_FRESH = timedelta(seconds=60)
_READER_WAITS_S = 0.3


@dataclass(frozen=True)
class _State:
    """What the store says of an alias.

    Attributes:
        moves: Those that happened, in order.
        void: Tag keys of announcements that lead elsewhere than where the alias is.
        seen: Where it was last seen.
        current: Where it is.
        unreadable: Sentences on entries that cannot be read.
        unconfirmed: Whether the last move lacks its confirmation.
    """

    moves: tuple[Move, ...]
    void: tuple[str, ...]
    seen: LastSeen | None
    current: int | None
    unreadable: tuple[str, ...]
    unconfirmed: bool

    @property
    def is_settled(self) -> bool:
        """Whether the alias is where the confirmed history says."""
        return not self.unconfirmed and self.current == (self.seen.version if self.seen else None)


def read_history(store: Store, alias: str = CHAMPION) -> Entries[Move]:
    """Return the moves of an alias without writing; one made outside is among them, as seen now.

    Args:
        store: Where.
        alias: Which.

    Returns:
        The moves in order, and sentences on entries that cannot be read.

    Raises:
        NotFoundError: There is no registered model yet.
        StoreUnreachableError: The store does not answer.
    """
    return _entries(alias, _read(store, alias))


def observe(store: Store, alias: str = CHAMPION) -> Entries[Move]:
    """Return the moves of an alias, and note a move made outside where this reader may write.

    Args, returns and raises as :func:`read_history`.
    """
    state = _read(store, alias)
    try:
        if state.is_settled:
            _refresh(store, alias, state)
            return _entries(alias, state)
        with store.writing(_READER_WAITS_S):  # two that notice the same move write it once
            state = _read(store, alias)
            return Entries(_reconcile(store, alias, state), state.unreadable)
    except (StoreError, OSError):  # no right to write, or somebody else is writing
        return _entries(alias, state)


def _entries(alias: str, state: _State) -> Entries[Move]:
    outside = () if state.is_settled or state.unconfirmed else (_move_outside(alias, state),)
    return Entries((*state.moves, *outside), state.unreadable)


def announce_and_apply(store: Store, move: Move, apply: Callable[[], None]) -> Move:
    """Announce a move, make it, confirm it.

    Args:
        store: Where; the caller holds its lock.
        move: What is to be written; its number is filled in.
        apply: Points the alias at its new version.

    Returns:
        The move as it stands in the history.

    Raises:
        Exception: What ``apply`` raised, where the alias is not where the move leads.
    """
    moves = _reconcile(store, move.alias, _read(store, move.alias))
    numbered = replace(move, number=next_number(moves))
    key, text = numbered.to_tag()
    with store.calling("Announcing a move") as client:
        client.set_registered_model_tag(MODEL, key, text)
    try:
        apply()
    except Exception:
        arrived = _alias_points_at(store, move)
        if arrived is False:
            with suppress(StoreError):  # the next look withdraws it
                _withdraw(store, [key])
        if not arrived:
            raise
    _write_seen(store, move.alias, LastSeen(move.after, move.at, numbered.number))
    return numbered


def _alias_points_at(store: Store, move: Move) -> bool | None:
    """Whether the alias is where a move leads; None where the store does not answer."""
    try:
        return _read(store, move.alias).current == move.after
    except StoreError:
        return None


def _read(store: Store, alias: str) -> _State:
    with store.calling("Reading the history") as client:
        model = client.get_registered_model(MODEL)
    number = model.aliases.get(alias)
    current = int(number) if number is not None else None
    by_key, unreadable = parse_moves(model.tags, alias)
    moves = in_order(by_key.values())
    seen = read_seen(model.tags, alias)
    last_confirmed = seen.number if seen else max((move.number for move in moves), default=0)
    confirmed = [move for move in moves if move.number <= last_confirmed]
    announced = [move for move in moves if move.number > last_confirmed]
    effective = [move for move in announced if move.after == current][-1:]
    void = {move.number for move in announced} - {move.number for move in effective}
    if seen is None and confirmed:
        seen = LastSeen(confirmed[-1].after, confirmed[-1].at, confirmed[-1].number)
    return _State(
        moves=(*confirmed, *effective),
        void=tuple(key for key, move in by_key.items() if move.number in void),
        seen=seen,
        current=current,
        unreadable=unreadable,
        unconfirmed=bool(effective),
    )


def _reconcile(store: Store, alias: str, state: _State) -> tuple[Move, ...]:
    """Make the history agree with the alias: withdraw, confirm or add a move; return the moves."""
    _withdraw(store, state.void)
    if state.is_settled:
        return state.moves
    if state.unconfirmed:
        last = state.moves[-1]
        _write_seen(store, alias, LastSeen(last.after, last.at, last.number))
        return state.moves
    move = _move_outside(alias, state)
    key, text = move.to_tag()
    with store.calling("Writing the history") as client:
        client.set_registered_model_tag(MODEL, key, text)
    _write_seen(store, alias, LastSeen(move.after, move.at, move.number))
    return (*state.moves, move)


def _move_outside(alias: str, state: _State) -> Move:
    """Return the move by which an alias left the place where it was last seen."""
    before, since = (state.seen.version, state.seen.at) if state.seen else (None, "")
    number = next_number(state.moves)
    return Move(alias, before, state.current, now(), OUTSIDE, "outside", "", since, number)


def _refresh(store: Store, alias: str, state: _State) -> None:
    """Note that the alias is still there, once a minute; a clock set back or ahead notes it too."""
    if state.seen is None:
        return
    age = abs(datetime.fromisoformat(now()) - datetime.fromisoformat(state.seen.at))
    if age > _SEEN_FRESH:
        _write_seen(store, alias, replace(state.seen, at=now()))


def _withdraw(store: Store, keys: Sequence[str]) -> None:
    for key in keys:
        with store.calling("Withdrawing an announcement") as client:
            client.delete_registered_model_tag(MODEL, key)


def _write_seen(store: Store, alias: str, seen: LastSeen) -> None:
    with store.calling("Writing the history") as client:
        client.set_registered_model_tag(MODEL, f"{SEEN}{alias}", seen.to_json())
