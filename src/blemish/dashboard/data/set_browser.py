"""The images of a set with their masks, and the set in numbers."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import altair as alt
import pandas as pd
import streamlit as st

from blemish.dashboard import page_cache
from blemish.dashboard.address_widgets import remember
from blemish.dashboard.image_collections import ImageCollection, ImageEntry
from blemish.dashboard.monitor.latest_predictions import TILE
from blemish.dashboard.page_errors import plain
from blemish.dashboard.viewer import Pane, make_frame, show_frames
from blemish.visualization import overlay_outline

_PAGE = 24
_SPLITS = ("train", "val", "test")


def show(folder: Path, processed: Path) -> None:
    """Show one set."""
    collection = page_cache.set_collection(folder)
    splits = _splits(processed, collection)
    _show_facts(collection, splits)
    chosen = _filter(collection, splits)
    if not chosen:
        st.info("No image passes the filter.", icon=":material/filter_list_off:")
        return
    opened = st.query_params.get("open")
    if opened is not None and collection.index(opened) is not None:
        _show_one(collection, opened, splits)
    _show_grid(collection, chosen, splits)
    _show_statistics(folder)


def show_drawn(sheet: Path) -> None:
    """Show defects that fine-tuning drew onto the photographs of a set, where it did."""
    if sheet.is_file():
        st.markdown("##### Defects drawn onto photographs of this set")
        st.image(str(sheet), width="stretch", alt="Photographs with drawn defects, outlined.")
        st.caption(
            "Fine-tuning learns from these. A mark on something that you call defect-free: "
            "change `finetune.drawing` in params.yaml, or look whether the photograph is clean."
        )


def _show_facts(collection: ImageCollection, splits: Mapping[str, str]) -> None:
    classes = Counter(name for entry in collection.entries for name in entry.classes)
    defective = sum(bool(entry.classes) for entry in collection.entries)
    parts = Counter(splits.get(entry.image_id, "") for entry in collection.entries)
    columns = st.columns(5)
    split = (
        " | ".join(str(parts[name]) for name in _SPLITS) if any(parts[s] for s in _SPLITS) else "-"
    )
    facts = (
        ("Images", f"{len(collection):,}", plain(collection.name)),
        ("With defects", f"{defective / max(len(collection), 1):.0%}", f"{defective:,} images"),
        ("Groups", f"{len({e.group for e in collection.entries}):,}", "never split"),
        ("Classes", str(len(classes)), plain(", ".join(sorted(classes)))),
        ("Train | val | test", split, "images"),
    )
    for column, (label, value, note) in zip(columns, facts, strict=True):
        column.metric(label, value, note, delta_color="off", delta_arrow="off", border=True)


def _filter(collection: ImageCollection, splits: Mapping[str, str]) -> list[ImageEntry]:
    left, middle, right = st.columns(3)
    classes = left.multiselect(
        "Class", sorted({name for e in collection.entries for name in e.classes}), key="data-class",
        placeholder="All",
    )  # fmt: skip
    wanted = middle.multiselect(
        "Split", sorted(set(splits.values())), key="data-split", placeholder="All"
    )
    kind = right.segmented_control(
        "Defects", ["All", "With", "Without"], default="All", required=True, key="data-kind"
    )
    return [
        entry
        for entry in collection.entries
        if (not classes or set(classes) & set(entry.classes))
        and (not wanted or splits.get(entry.image_id) in wanted)
        and (kind == "All" or bool(entry.classes) == (kind == "With"))
    ]


def _show_grid(
    collection: ImageCollection, chosen: Sequence[ImageEntry], splits: Mapping[str, str]
) -> None:
    pages = (len(chosen) - 1) // _PAGE + 1
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    masks = left.toggle("Show masks", value=True, key="masks")
    page = int(right.number_input(f"Page, of {pages}", 1, pages, 1, key="data-page"))
    shown = chosen[(page - 1) * _PAGE : page * _PAGE]
    with st.container(horizontal=True):
        for entry in shown:
            with st.container(width=TILE):
                _show_tile(collection, entry, splits, masks=masks)


def _show_tile(
    collection: ImageCollection, entry: ImageEntry, splits: Mapping[str, str], *, masks: bool
) -> None:
    image = collection.image(collection.index(entry.image_id) or 0)
    marked = masks and image.truth is not None
    shown = overlay_outline(image.plane, image.truth) if marked else image.plane  # type: ignore[arg-type]  # marked says that there is one
    about = ", ".join(entry.classes) or "defect-free"
    with st.container(gap="xxsmall"):
        st.image(shown, width="stretch", alt=f"{entry.image_id}: {about}")
        st.caption(plain(" · ".join(filter(None, (about, splits.get(entry.image_id, ""))))))
        key = f"open-{entry.image_id}"
        if st.button("Open", key=key, type="tertiary", icon=":material/zoom_in:"):
            remember("open", entry.image_id)
            st.rerun()


def _show_one(collection: ImageCollection, image_id: str, splits: Mapping[str, str]) -> None:
    index = collection.index(image_id) or 0
    entry, image = collection.entries[index], collection.image(index)
    parts = [
        image_id,
        f"{image.plane.shape[1]} x {image.plane.shape[0]}",
        f"group {entry.group}",
    ]
    parts += [", ".join(entry.classes) or "defect-free", splits.get(image_id, "in no split")]
    with st.container(border=True):
        left, right = st.columns([5, 1], vertical_alignment="center")
        left.markdown(f"**{plain(' · '.join(parts))}**")
        if right.button("Close", icon=":material/close:", key="close", width="stretch"):
            del st.query_params["open"]
            st.rerun()
        panes = [Pane("Image", None, f"The image {image_id}.")]
        if image.truth is not None:
            outline = overlay_outline(image.plane, image.truth)
            mask = image.truth.astype("uint8") * 255
            panes += [
                Pane("Outline of the mask", outline, "The image with the mask's outline.", "a"),
                Pane("Mask", mask, "The mask.", "b"),
            ]
        frame = make_frame(image_id, image.plane, panes)
        show_frames([frame], stamp=collection.digest, opacity=1.0, key="opened")


def _show_statistics(folder: Path) -> None:
    sheet = folder / "contact_sheet.png"
    left, right = st.columns(2)
    statistics = _statistics(folder)
    with left:
        if statistics:
            st.markdown("##### Statistics of the images")
            name = st.selectbox("Statistic", list(statistics), key="statistic")
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
    from blemish.image_statistics import QUANTILES  # noqa: PLC0415 - only this needs it

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
        for path in (processed / f"{split}.json" for split in _SPLITS)
    )
    return _read_splits(processed, collection.name, changed)


@st.cache_data(max_entries=8, show_spinner=False)
def _read_splits(processed: Path, name: str, changed_ns: tuple[int, ...]) -> dict[str, str]:
    del changed_ns
    found: dict[str, str] = {}
    for split in _SPLITS:
        path = processed / f"{split}.json"
        if path.is_file():
            entries = json.loads(path.read_text(encoding="utf-8"))["images"]
            found |= {entry["image_id"]: split for entry in entries if entry["set"] == name}
    return found
