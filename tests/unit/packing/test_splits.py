"""Splits by group: no leak, repeatable, stratified, and of one set whatever the others are."""

from collections import Counter, defaultdict

from hypothesis import given
from hypothesis import strategies as st

from blemish.packing.splits import Sample, assign_splits

SHARES = {"train": 0.75, "val": 0.1, "test": 0.15}

SAMPLES = st.lists(
    st.builds(
        Sample,
        group=st.sampled_from([f"part-{k}" for k in range(30)]),
        classes=st.frozensets(st.sampled_from(["crack", "pit", "scratch"]), max_size=2),
        held_out=st.booleans(),
    ),
    max_size=80,
)


def singles(defective: int, free: int, class_name: str = "pit") -> list[Sample]:
    marked = [Sample(f"d{k}", frozenset({class_name})) for k in range(defective)]
    return marked + [Sample(f"f{k}") for k in range(free)]


@given(SAMPLES, st.integers(0, 99))
def test_no_group_is_in_two_splits(samples: list[Sample], seed: int) -> None:
    """Every group has exactly one split, whatever the order of its images."""
    one = assign_splits("set", samples, SHARES, seed)
    other = assign_splits("set", samples[::-1], SHARES, seed)
    assert one == other
    assert set(one) == {sample.group for sample in samples}
    assert set(one.values()) <= set(SHARES)


@given(SAMPLES, st.integers(0, 99))
def test_every_split_has_defects_where_they_suffice(samples: list[Sample], seed: int) -> None:
    """With three defective groups or more each split gets one, and likewise of defect-free ones."""
    samples = [Sample(one.group, one.classes) for one in samples]
    splits = assign_splits("set", samples, SHARES, seed)
    classes: dict[str, set[str]] = defaultdict(set)
    for sample in samples:
        classes[sample.group] |= sample.classes
    for kind in (True, False):
        groups = [group for group, names in classes.items() if bool(names) == kind]
        if len(groups) >= 3:
            assert {splits[group] for group in groups} == set(SHARES)


@given(SAMPLES, st.integers(0, 99))
def test_few_groups_train(samples: list[Sample], seed: int) -> None:
    """Defective groups, or groups at all, that do not reach every split are all trained on."""
    samples = [Sample(one.group, one.classes) for one in samples]
    splits = assign_splits("set", samples, SHARES, seed)
    defective = {sample.group for sample in samples if sample.classes}
    for few in (defective, set(splits)):
        if len(few) < 3:
            assert {splits[group] for group in few} <= {"train"}


@given(SAMPLES)
def test_what_is_held_out_is_only_tested(samples: list[Sample]) -> None:
    """Held-out groups are the whole test split, the others never in it."""
    held_out = {sample.group for sample in samples if sample.held_out}
    splits = assign_splits("set", samples, SHARES, 1)
    if held_out:
        assert {group for group, split in splits.items() if split == "test"} == held_out


def test_shares_hold_in_every_class() -> None:
    """Of 200 groups of each class 10 and 15 in a hundred go to val and test, within one."""
    samples = [Sample(f"{name}{k}", frozenset({name})) for name in ("a", "b") for k in range(200)]
    splits = assign_splits("set", samples, SHARES, 3)
    counts = Counter((group[0], split) for group, split in splits.items())
    for name in ("a", "b"):
        assert abs(counts[name, "val"] - 20) <= 1
        assert abs(counts[name, "test"] - 30) <= 1


def test_rare_classes_are_everywhere() -> None:
    """A class of which there are three groups is trained, validated and tested, at any seed."""
    samples = singles(40, 100) + [Sample(f"rare-{k}", frozenset({"fray"})) for k in range(3)]
    for seed in range(20):
        splits = assign_splits("set", samples, SHARES, seed)
        assert {splits[f"rare-{k}"] for k in range(3)} == set(SHARES)


def test_seed_and_set_change_the_split() -> None:
    """Another seed, or the same groups in another set, are dealt otherwise."""
    samples = singles(50, 50)
    first = assign_splits("set", samples, SHARES, 1)
    assert first != assign_splits("set", samples, SHARES, 2)
    assert first != assign_splits("other", samples, SHARES, 1)
    assert first == assign_splits("set", samples, SHARES, 1)


def test_small_sets_keep_a_defect_to_train_on() -> None:
    """With two defective groups none is taken from the split that had one."""
    splits = assign_splits("set", singles(2, 10), SHARES, 5)
    assert "train" in {splits["d0"], splits["d1"]}
