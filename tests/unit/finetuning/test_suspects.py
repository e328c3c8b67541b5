"""Tests of blemish.finetuning.suspects: outliers of a set, never the set itself."""

import numpy as np
from numpy.typing import NDArray

from blemish.finetuning.suspects import rank_suspects


def marked(pixels: int) -> NDArray[np.float32]:
    found = np.zeros((40, 40), np.float32)
    found.ravel()[:pixels] = 0.9
    return found


def test_the_strongest_mark_comes_first_and_is_left_out() -> None:
    """One photograph with a large mark among quiet ones is suspicious."""
    maps = [marked(0)] * 10 + [marked(300)] + [marked(3)] * 10
    names = [f"photo_{number}" for number in range(21)]
    ranked = rank_suspects(names, maps)
    assert ranked[0].name == "photo_10"
    assert [suspect.name for suspect in ranked if suspect.suspicious] == ["photo_10"]
    assert [suspect.pixels for suspect in ranked] == sorted(
        (suspect.pixels for suspect in ranked), reverse=True
    )


def test_a_network_that_marks_everything_leaves_nothing_out() -> None:
    """Marks of one size on every photograph say nothing of a single one."""
    maps = [marked(200 + 10 * (number % 5)) for number in range(30)]
    assert not any(suspect.suspicious for suspect in rank_suspects(list("x" * 30), maps))


def test_no_more_than_a_share_is_left_out() -> None:
    """A tenth at most is left out, however many stand out."""
    maps = [marked(0)] * 20 + [marked(500)] * 10
    ranked = rank_suspects([str(number) for number in range(30)], maps)
    assert sum(suspect.suspicious for suspect in ranked) == 3


def test_one_of_few_may_be_suspicious() -> None:
    """Among five photographs a tenth would be none: one that stands out is still named."""
    ranked = rank_suspects(list("abcde"), [marked(0)] * 4 + [marked(400)])
    assert [suspect.name for suspect in ranked if suspect.suspicious] == ["e"]
    assert not any(s.suspicious for s in rank_suspects(list("ab"), [marked(0), marked(400)]))


def test_what_lies_beside_the_part_does_not_count() -> None:
    """A mark beside the region of interest makes no photograph suspicious."""
    region = np.zeros((40, 40), np.bool_)
    region[20:] = True
    maps = [marked(0)] * 19 + [marked(300)]
    ranked = rank_suspects([str(n) for n in range(20)], maps, [region] * 20)
    assert not any(suspect.suspicious or suspect.pixels for suspect in ranked)


def test_no_photographs_no_suspects() -> None:
    """An empty set has no suspects."""
    assert rank_suspects([], []) == ()
