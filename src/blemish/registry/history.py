"""The history of an alias agrees with the alias: a move is announced, made, then confirmed.

A kill between these steps leaves an announcement. It counts if the alias is where it leads, and
does not if not. A move made outside is noticed at the next look and written down then.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from blemish.errors import StoreError
from blemish.registry.moves import (
    Entries,
    Move,
    Seen,
    next_number,
    now,
    read_moves,
    read_seen,
)
from blemish.store.connection import Store
from blemish.store.names import CHAMPION, MODEL, SEEN

OUTSIDE = "outside Blemish"
_SEEN_FRESH = timedelta(seconds=60)


@dataclass(frozen=True)
class _State:
    """What the store says of an alias.

    Attributes:
        moves: Those that happened, in order.
        announced: Tag keys of announcements that lead elsewhere than where the alias is.
        seen: Where it was last seen.
        current: Where it is.
        unreadable: Sentences on entries that cannot be read.
        unconfirmed: Whether the last move lacks its confirmation.
    """

    moves: tuple[Move, ...]
    announced: tuple[str, ...]
    seen: Seen | None
    current: int | None
    unreadable: tuple[str, ...]
    unconfirmed: bool


def observe(store: Store, alias: str = CHAMPION) -> Entries[Move]:
    """Look where an alias points, write down a move made outside, and return all moves.

    Args:
        store: Where.
        alias: Which.

    Returns:
        The moves in order, and sentences on entries that cannot be read.

    Raises:
        NotFoundError: There is no registered model yet.
        StoreUnreachableError: The store does not answer.
    """
    state = _read(store, alias)
    if _is_settled(state):
        _refresh(store, alias, state)
        return Entries(state.moves, state.unreadable)
    with store.writing():  # two that notice the same move write it once
        state = _read(store, alias)
        moves = _settle(store, alias, state)
        return Entries(moves, state.unreadable)


def carry_out(store: Store, move: Move, apply: Callable[[], None]) -> Move:
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
    state = _read(store, move.alias)
    moves = _settle(store, move.alias, state)
    numbered = replace(move, number=next_number(moves))
    key, text = numbered.to_tag()
    with store.calling("Announcing a move") as client:
        client.set_registered_model_tag(MODEL, key, text)
    try:
        apply()
    except Exception:
        arrived = _has_arrived(store, move)
        if arrived is False:
            with suppress(StoreError):  # the next look withdraws it
                _withdraw(store, [key])
        if not arrived:
            raise
    _write_seen(store, move.alias, Seen(move.after, move.at, numbered.number))
    return numbered


def _has_arrived(store: Store, move: Move) -> bool | None:
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
    entries, seen = read_moves(model.tags, alias), read_seen(model.tags, alias)
    confirmed = seen.number if seen else max((m.number for m in entries.found), default=0)
    moves = [move for move in entries.found if move.number <= confirmed]
    pending = [move for move in entries.found if move.number > confirmed]
    arrived = [move for move in pending if move.after == current][-1:]
    if seen is None and moves:
        seen = Seen(moves[-1].after, moves[-1].at, moves[-1].number)
    lost = {move.number for move in pending} - {move.number for move in arrived}
    announced = [
        key
        for key, text in model.tags.items()
        if any(move.number in lost for move in read_moves({key: text}, alias).found)
    ]
    return _State(
        (*moves, *arrived), tuple(announced), seen, current, entries.unreadable, bool(arrived)
    )


def _is_settled(state: _State) -> bool:
    last = state.seen.version if state.seen else None
    return not state.unconfirmed and state.current == last


def _settle(store: Store, alias: str, state: _State) -> tuple[Move, ...]:
    """Confirm, withdraw or write down what the alias says; return the moves."""
    _withdraw(store, state.announced)
    if _is_settled(state):
        return state.moves
    if state.unconfirmed:
        last = state.moves[-1]
        _write_seen(store, alias, Seen(last.after, last.at, last.number))
        return state.moves
    before, since = (state.seen.version, state.seen.at) if state.seen else (None, "")
    number = next_number(state.moves)
    move = Move(alias, before, state.current, now(), OUTSIDE, "outside", "", since, number)
    key, text = move.to_tag()
    with store.calling("Writing the history") as client:
        client.set_registered_model_tag(MODEL, key, text)
    _write_seen(store, alias, Seen(move.after, move.at, number))
    return (*state.moves, move)


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


def _write_seen(store: Store, alias: str, seen: Seen) -> None:
    with store.calling("Writing the history") as client:
        client.set_registered_model_tag(MODEL, f"{SEEN}{alias}", seen.to_json())
