"""Which sets a comparison counts before and after a person chooses."""

import sys

import pytest
from streamlit.testing.v1 import AppTest

from blemish.dashboard.compare.image_filters import usual_sets


@pytest.mark.parametrize(
    ("present", "headline", "usual"),
    [
        (["line-3", "synthetic"], ["line-3"], ["line-3"]),
        (["line-3", "synthetic"], ["synthetic"], ["synthetic"]),  # line-3 has no label
        (["line-1", "line-3", "synthetic"], ["line-1", "line-3"], ["line-1", "line-3"]),
        (["line-3", "synthetic"], [], ["line-3"]),  # recorded before there was a headline
        (["line-1", "line-3"], ["line-1", "line-3"], []),
        (["synthetic"], ["synthetic"], []),
        (["synthetic"], [], []),
        (["plates"], ["line-3"], []),
        ([], ["line-3"], []),
    ],
)
def test_real_images_and_synthetic_ones_are_not_pooled(
    present: list[str], headline: list[str], usual: list[str]
) -> None:
    """The sets of the headline are looked at first; none means all, where that pools nothing."""
    assert usual_sets(present, headline) == usual
    assert not ({"synthetic"} < set(usual or present))


def look() -> None:
    """Show the filter by set; AppTest runs the source of this function."""
    import streamlit as st

    from blemish.dashboard.address_widgets import choose_many

    default = st.session_state.get("usual", ["line-3"])
    chosen = choose_many("Set", "set", ["line-3", "line-5", "synthetic"], default=default)
    st.text(",".join(chosen))
    st.text(" ".join(f"set={value}" for value in st.query_params.get_all("set")))


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> AppTest:
    # AppTest leaves its page there, which every process that is spawned later would run.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    return AppTest.from_function(look, default_timeout=60)


def shown(page: AppTest) -> tuple[str, str]:
    assert not page.exception
    assert not page.warning
    return page.text[0].value, page.text[1].value


def test_the_default_stands_in_no_address_and_follows_the_page(page: AppTest) -> None:
    """It changes with the version that is shown for as long as nobody has chosen."""
    assert shown(page.run()) == ("line-3", "")
    page.session_state["usual"] = ["line-5"]
    assert shown(page.run()) == ("line-5", "")
    page.multiselect[0].set_value(["synthetic"])
    assert shown(page.run()) == ("synthetic", "set=synthetic")
    page.session_state["usual"] = ["line-3"]
    assert shown(page.run()) == ("synthetic", "set=synthetic")


def test_all_sets_may_be_chosen_and_are_in_the_address(page: AppTest) -> None:
    """An empty box means all, also for whoever opens the address."""
    page.run()
    page.multiselect[0].set_value([])
    assert shown(page.run()) == ("", "set=")
    assert shown(page.run()) == ("", "set=")


@pytest.mark.parametrize("asked", ["", "synthetic", "line-5"])
def test_an_address_opens_with_its_sets(page: AppTest, asked: str) -> None:
    """What the address names goes before the default."""
    page.query_params["set"] = asked
    assert shown(page.run()) == (asked, f"set={asked}")
