"""What several pages show alike: facts in a row, steps between images, links, an empty registry."""

from collections.abc import Sequence

import streamlit as st

from blemish.dashboard.address_widgets import address, remember

TILE = 208  # pixels: six, four or three in a row on a desk, a laptop, a tablet; two on a phone

Fact = tuple[str, str, str, str | None]
"""Label, value, note, and what the label means."""


def show_facts(facts: Sequence[Fact]) -> None:
    """Show facts side by side, each in a frame."""
    for column, (label, value, note, meaning) in zip(st.columns(len(facts)), facts, strict=True):
        column.metric(
            label, value, note, help=meaning, delta_color="off", delta_arrow="off", border=True
        )


def show_step(label: str, name: str, target: object | None, *, back: bool) -> None:
    """Show a button of a dialog that opens a neighbour; an arrow key presses it.

    Args:
        label: On the button.
        name: Query parameter that names what is opened.
        target: The neighbour; None where there is none.
        back: Whether it lies before what is shown.
    """
    if st.button(
        label,
        icon=":material/chevron_left:" if back else ":material/chevron_right:",
        disabled=target is None,
        key=f"step-{label}",
        shortcut="Left" if back else "Right",
    ):
        remember(name, str(target))
        st.rerun(scope="fragment")


def show_link(caption: str) -> None:
    """Show the address of the page, with everything chosen on it, to be copied."""
    st.caption(caption)
    st.code(address(), language=None, wrap_lines=True)


def show_no_version() -> None:
    """Say that nothing is registered, and how to train."""
    st.info(
        "The registry holds no version yet. Train one: `make repro`. "
        "This page shows it as soon as it is there.",
        icon=":material/deployed_code:",
    )
