"""The list of images: one position for the list, the counter, the buttons and the keys."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import streamlit as st

from blemish.dashboard.address_widgets import remember
from blemish.dashboard.compare.compared_images import ComparedImage
from blemish.files import canonical_json, sha256_bytes

_FOLDER = Path(__file__).parent
_KEY = "image-list"


def show_list(compared: Sequence[ComparedImage], left_out: Mapping[str, str]) -> tuple[str, int]:
    """Show the list; return the image that is selected and the direction of the last step.

    Args:
        compared: At least one image, in order.
        left_out: Why the images of a part do not count, by part.
    """
    items = [_item(one, left_out.get(one.part, "")) for one in compared]
    names = [one.entry.image_id for one in compared]
    asked = st.query_params.get("image")
    selected = asked if asked in names else names[0]
    stamp = sha256_bytes(
        canonical_json([[item["id"], item["result"], item["note"]] for item in items])
    )
    # The position is no part of what is sent while the list stays the same: the browser has it.
    if st.session_state.get("_list_stamp") != stamp:
        st.session_state["_list_stamp"], st.session_state["_list_start"] = stamp, selected
    _component()(
        key=_KEY,
        data={"items": items, "stamp": stamp, "start": st.session_state["_list_start"]},
        on_image_change=_note_selected,
    )
    return selected, st.session_state.get("_direction", 1)


def _note_selected() -> None:
    chosen = st.session_state[_KEY].image
    if chosen:
        remember("image", str(chosen["id"]))
        st.session_state["_direction"] = -1 if chosen["direction"] < 0 else 1


def _item(one: ComparedImage, left_out: str) -> dict[str, str]:
    note = f"{one.disagreement:.2%} of the pixels differ"
    if one.a is not None and one.b is not None:
        note = f"Dice {one.a.dice:.2f} | {one.b.dice:.2f}"
        if one.entry.classes:
            note = f"{', '.join(one.entry.classes)} · {note}"
    return {
        "id": one.entry.image_id,
        "thumbnail": one.thumbnail,
        "note": note,
        "result": f"left out: {left_out}" if left_out else _result(one),
    }


def _result(one: ComparedImage) -> str:
    """Say what the versions make of an image where they differ or where either is wrong."""
    if one.defective is None:
        said = {True: "defective", False: "no defect"}
        return f"A: {said[one.called_a]} · B: {said[one.called_b]}"
    verb = "missed" if one.defective else "falsely flagged"
    wrong = [
        letter
        for letter, called in (("A", one.called_a), ("B", one.called_b))
        if called != one.defective
    ]
    return f"{verb} by {' and '.join(wrong)}" if wrong else ""


@st.cache_resource(show_spinner=False)
def _component() -> "st.components.v2.types.ComponentRenderer":
    return st.components.v2.component(
        "blemish_images",
        html="<div class='steps'><button type='button' aria-label='Previous image'>\u2039</button>"
        "<span class='counter' aria-live='polite'></span>"
        "<button type='button' aria-label='Next image'>\u203a</button></div>"
        "<div class='list' role='listbox' tabindex='0' aria-label='Images'></div>",
        css=(_FOLDER / "image_list.css").read_text(encoding="utf-8"),
        js=(_FOLDER / "image_list.js").read_text(encoding="utf-8"),
    )
