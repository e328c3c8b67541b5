"""Who was champion before: the order that rolling back follows."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blemish.errors import ParamsError
from blemish.registry.moves import Move, champions_in_order, check_text, read_moves

STEPS = st.lists(st.one_of(st.integers(1, 6), st.just("rollback")), max_size=30)


def move(before: int | None, after: int | None, why: str) -> Move:
    return Move("champion", before, after, "2026-01-01T00:00:00.000000+00:00", "x", why)


@given(STEPS)
def test_it_is_a_stack(steps: list[int | str]) -> None:
    """Promotions put a version on top and rollbacks take it away, whatever their order."""
    stack, moves = [0], [move(None, 0, "first")]
    for step in steps:
        if step == "rollback":
            if len(stack) > 1:
                top = stack.pop()
                moves.append(move(top, stack[-1], "rollback"))
        elif step != stack[-1]:
            moves.append(move(stack[-1], int(step), "promote"))
            stack.append(int(step))
    assert champions_in_order(moves) == stack


def test_a_removed_alias_leaves_the_order_alone() -> None:
    """A champion taken away outside is followed by the next one put on top."""
    moves = [move(None, 1, "first"), move(1, None, "outside"), move(None, 3, "promote")]
    assert champions_in_order(moves) == [1, 3]


def test_a_move_reads_back_as_written() -> None:
    """The tag of a move holds all of it."""
    written = move(1, 2, "promote")
    read = read_moves(dict([written.to_tag()]))
    assert (read.found, read.unreadable) == ((written,), ())


@given(st.lists(st.integers(1, 4), min_size=1, max_size=12), st.randoms())
def test_the_order_follows_numbers_whatever_the_clock(steps: list[int], random: Random) -> None:
    """Moves by clocks that run any way round come back in the order in which they were made."""
    moves, before = [], None
    for number, step in enumerate(steps, start=1):
        hour = random.randrange(24)
        at = f"2026-01-01T{hour:02}:00:00.000000+00:00"
        moves.append(Move("champion", before, step, at, "x", "promote", number=number))
        before = step
    tags = dict(made.to_tag() for made in moves)
    assert read_moves(tags).found == tuple(moves)


def test_moves_without_a_number_form_a_chain() -> None:
    """A history from before numbers, with a clock set back an hour, is 2, 1, 3 all the same."""
    first, second, third = move(None, 2, "first"), move(2, 1, "forced"), move(1, 3, "forced")
    third = replace(third, at="2025-12-31T23:00:00.000000+00:00")
    tags = dict(made.to_tag() for made in (first, second, third))
    moves = read_moves(tags).found
    assert [made.after for made in moves] == [2, 1, 3]
    assert champions_in_order(moves) == [2, 1, 3]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        '{"alias": "champion"}',
        '{"alias":"champion","before":"1","after":2,"at":"2026-01-01T00:00:00+00:00","who":"x","why":"y"}',
        '{"alias":"champion","before":1,"after":2,"at":"yesterday","who":"x","why":"y"}',
        '{"alias":"champion","before":1,"after":2,"at":"2026-01-01T00:00:00","who":"x","why":"y"}',
        '{"alias":"champion","before":1,"after":NaN,"at":"2026-01-01T00:00:00+00:00","who":"x","why":"y"}',
        '{"alias":"champion","before":1,"after":2,"at":"9999-12-31T23:59:59-23:59","who":"x","why":"y"}',
        "[" * 10_000,
        " " * 30_000,
    ],
    ids=lambda text: text[:60],
)
def test_an_entry_that_cannot_be_read_is_named_and_left_out(text: str) -> None:
    """A history line edited by hand costs that line alone."""
    sound = move(None, 1, "first")
    read = read_moves(dict([sound.to_tag(), ("blemish.move.edited", text)]))
    assert read.found == (sound,)
    assert len(read.unreadable) == 1
    assert "'blemish.move.edited'" in read.unreadable[0]


@pytest.mark.parametrize("text", ["\udc80", "\x1b[31mred", "a\x00b", "\u202ecba", "x" * 2001])
def test_text_that_cannot_be_shown_is_refused(text: str) -> None:
    """Bytes that are no text, control characters and absurd lengths are refused by a sentence."""
    with pytest.raises(ParamsError, match="The reason h"):
        check_text("The reason", text)
    assert check_text("The reason", "  Größe 3 µm,\nneue Kamera ") == "Größe 3 µm,\nneue Kamera"
