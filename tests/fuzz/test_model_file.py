"""Whatever a model file says of itself or holds, it is read or refused by one kind of error."""

import json
import random

import pytest
from fuzzing import fuzz, fuzz_for_minutes, mutate
from integration.server.tiny_models import metadata, tiny_model

from blemish.errors import ModelFileError
from blemish.model_card import ModelCard
from blemish.model_graph import refuse_unsafe_graph

_ODD = ("", "nan", "-1", "1e999", "null", "[]", "{}", "[" * 5_000, '"fit"', "true", "\0", "9" * 400)


def _check_metadata(data: bytes, rng: random.Random) -> None:
    entries = dict(metadata())
    key = rng.choice(sorted(entries))
    entries[key] = rng.choice((rng.choice(_ODD), data.decode("utf-8", "replace")))
    if rng.random() < 0.2:
        del entries[rng.choice(sorted(entries))]
    try:
        card = ModelCard.from_metadata(entries)
    except ModelFileError:
        return
    assert ModelCard.from_metadata(card.to_metadata()) == card


def _check_graph(data: bytes, rng: random.Random) -> None:
    del rng
    try:
        refuse_unsafe_graph(data)
    except ModelFileError:
        return


SEEDS = [*(value.encode() for value in metadata().values()), json.dumps({"images": 3}).encode()]


def test_mutated_model_files_for_seconds() -> None:
    """Some thousand mutated values of the metadata, and mutated graphs."""
    assert fuzz(SEEDS, _check_metadata, seed=18, cases=2_000).slowest_s < 5.0
    assert fuzz([tiny_model()], _check_graph, seed=19, cases=500).slowest_s < 5.0


@pytest.mark.drill
@pytest.mark.timeout(4000)
def test_mutated_model_files_for_minutes() -> None:
    """As many as fit into some minutes, by a seed of the day; it is printed."""
    fuzz_for_minutes("metadata", SEEDS, _check_metadata, share=0.5)
    fuzz_for_minutes("graph", [tiny_model()], _check_graph, share=0.5)


def test_a_finding_names_its_seed() -> None:
    """The fuzzer reports seed and case of a finding, and finds it again by them."""

    def never_long(data: bytes, _: random.Random) -> None:
        assert len(data) < 20

    with pytest.raises(AssertionError, match="seed 3, case"):
        fuzz([bytes(15)], never_long, seed=3, cases=1_000)
    again = [mutate(bytes(15), random.Random(n)) for n in (1, 1)]  # noqa: S311 - seeded
    assert again[0] == again[1]
