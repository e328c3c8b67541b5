"""Who was champion before: the order that rolling back follows."""

from hypothesis import given
from hypothesis import strategies as st

from blemish.registry.history import Move, champions_in_order

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
    import json
    from dataclasses import asdict

    written = move(1, 2, "promote")
    assert Move.from_json(json.dumps(asdict(written))) == written
