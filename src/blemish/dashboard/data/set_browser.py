"""The images of a set with their masks, page by page; all that is chosen stands in the address."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import altair as alt
import pandas as pd
import streamlit as st

from blemish.dashboard import page_cache
from blemish.dashboard.address_widgets import choose_many, pick, remember, switch
from blemish.dashboard.data import opened_image, set_facts
from blemish.dashboard.data.set_facts import SPLITS
from blemish.dashboard.image_collections import ImageCollection, ImageEntry
from blemish.dashboard.page_errors import plain
from blemish.dashboard.page_parts import TILE
from blemish.dashboard.terms import meaning
from blemish.image_statistics import QUANTILES
from blemish.monitoring import drift
from blemish.visualization import overlay_outline

_PAGE = 24
_KINDS = {
    "all": "All",
    "defective": "Defective",
    "defect-free": "Defect-free",
    "clean": "Declared clean",
}


def show(folder: Path, processed: Path, *, real: bool) -> None:
    """Show one set.

    Args:
        folder: The set.
        processed: Where its splits are told.
        real: It is a set of photographs: say what it lacks.
    """
    collection = page_cache.set_collection(folder)
    splits = _splits(processed, collection)
    set_facts.show(collection, splits)
    if real:
        set_facts.show_lacks(folder)
    chosen = _filter(collection, splits)
    opened_image.show(folder.name, collection, chosen, splits)
    if chosen:
        _show_grid(collection, chosen, splits)
    else:
        st.info("No image passes the filter.", icon=":material/filter_list_off:")
    _show_statistics(folder)


def show_drawn(sheet: Path) -> None:
    """Show defects that fine-tuning drew onto the photographs of a set, where it did."""
    if sheet.is_file():
        st.markdown(
            "##### Defects drawn onto photographs of this set", help=meaning("drawn defect")
        )
        st.image(str(sheet), width="stretch", alt="Photographs with drawn defects, outlined.")
        st.caption(
            "Fine-tuning learns from these. A mark on something that you call defect-free: "
            "change `finetune.drawing` in params.yaml, or look whether the photograph is clean."
        )


def _filter(collection: ImageCollection, splits: Mapping[str, str]) -> list[ImageEntry]:
    left, middle, right = st.columns([1, 1, 2.2], vertical_alignment="bottom")
    every = sorted({name for entry in collection.entries for name in entry.classes})
    with left:
        classes = choose_many("Class", "class", every, help=meaning("class"))
    with middle:
        wanted = choose_many("Split", "split", [one for one in SPLITS if one in splits.values()])
    with right:
        kind = pick("Label", "kind", _KINDS, default="all")
    return [
        entry
        for entry in collection.entries
        if (not classes or set(classes) & set(entry.classes))
        and (not wanted or splits.get(entry.image_id) in wanted)
        and _is_kind(entry, kind)
    ]


def _is_kind(entry: ImageEntry, kind: str) -> bool:
    return {
        "defective": bool(entry.classes),
        "defect-free": not entry.classes,
        "clean": entry.clean,
    }.get(kind, True)


def _show_grid(
    collection: ImageCollection, chosen: Sequence[ImageEntry], splits: Mapping[str, str]
) -> None:
    pages = (len(chosen) - 1) // _PAGE + 1
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        masks = switch("Show masks", "masks")
    with right:
        page = _choose_page(pages)
    shown = chosen[(page - 1) * _PAGE : page * _PAGE]
    with st.container(horizontal=True, key="tiles-images"):
        for entry in shown:
            with st.container(width=TILE):
                _show_tile(collection, entry, splits, masks=masks)


def _choose_page(pages: int) -> int:
    """Show the number of the page; it stands in the address, and is brought within the pages."""
    asked = st.session_state.get("page", st.query_params.get("page", "1"))
    number = int(asked) if str(asked).isdecimal() and len(str(asked)) < 9 else 1
    st.session_state["page"] = min(max(number, 1), pages)
    page = int(st.number_input(f"Page, of {pages}", 1, pages, key="page"))
    remember("page", str(page), "1")
    return page


def _show_tile(
    collection: ImageCollection, entry: ImageEntry, splits: Mapping[str, str], *, masks: bool
) -> None:
    image = collection.image(collection.index(entry.image_id) or 0)
    marked = masks and image.truth is not None
    shown = overlay_outline(image.plane, image.truth) if marked else image.plane  # type: ignore[arg-type]  # marked says that there is one
    about = ", ".join(entry.classes) or ("declared clean" if entry.clean else "defect-free")
    with st.container(gap="xxsmall", key=f"tile-{entry.image_id}"):
        st.image(shown, width="stretch", alt=f"{entry.image_id}: {about}")
        st.caption(plain(" · ".join(filter(None, (about, splits.get(entry.image_id, ""))))))
        key = f"open-{entry.image_id}"
        if st.button("Open", key=key, type="tertiary", icon=":material/zoom_in:"):
            remember("open", entry.image_id)
            st.rerun()


def _show_statistics(folder: Path) -> None:
    sheet = folder / "contact_sheet.png"
    statistics = _statistics(folder)
    left, right = st.columns(2) if statistics else (st.container(), st.container())
    with left:
        if statistics:
            st.markdown("##### Statistics of the images")
            name = st.selectbox(
                "Statistic", list(statistics), key="statistic", format_func=drift.title
            )
            st.altair_chart(_quantiles(statistics[str(name)]), alt=f"Quantiles of {name}.")
    with right:
        if sheet.is_file():
            st.markdown("##### Contact sheet")
            st.image(str(sheet), width="stretch", alt="Contact sheet of the set.")


def _statistics(folder: Path) -> dict[str, Mapping[str, object]]:
    try:
        content = json.loads((folder / "statistics.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    statistics = content.get("figures", {}) if isinstance(content, dict) else {}
    return {str(name): entry for name, entry in statistics.items() if "quantiles" in entry}


def _quantiles(entry: Mapping[str, object]) -> alt.Chart:
    table = pd.DataFrame({"quantile": QUANTILES, "value": entry["quantiles"]})
    chart: alt.Chart = (
        alt.Chart(table, height=260)
        .mark_line(point=True)
        .encode(
            x=alt.X("value:Q", title="Value", scale=alt.Scale(zero=False)),
            y=alt.Y("quantile:Q", title="Share of images below", axis=alt.Axis(format="%")),
            tooltip=["value", alt.Tooltip("quantile:Q", format=".0%")],
        )
    )
    return chart


def _splits(processed: Path, collection: ImageCollection) -> dict[str, str]:
    """Return the split of each image of a set; empty where nothing is processed yet."""
    changed = tuple(
        path.stat().st_mtime_ns if path.is_file() else 0
        for path in (processed / f"{split}.json" for split in SPLITS)
    )
    return _read_splits(processed, collection.name, changed)


@st.cache_data(max_entries=8, show_spinner=False)
def _read_splits(processed: Path, name: str, changed_ns: tuple[int, ...]) -> dict[str, str]:
    del changed_ns
    found: dict[str, str] = {}
    for split in SPLITS:
        path = processed / f"{split}.json"
        if path.is_file():
            entries = json.loads(path.read_text(encoding="utf-8"))["images"]
            found |= {entry["image_id"]: split for entry in entries if entry["set"] == name}
    return found
