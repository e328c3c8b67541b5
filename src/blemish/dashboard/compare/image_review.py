"""The images of a comparison: a list to choose from, and six panes that move together."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st

from blemish.dashboard import page_cache
from blemish.dashboard.address_widgets import asked_number, choose, remember
from blemish.dashboard.compare.comparison import Comparison
from blemish.dashboard.compare.comparison_report import compose
from blemish.dashboard.compare.paired_metrics import ORDERS, SIZES, ComparedImage, ordered, size_of
from blemish.dashboard.compare.version_pair import Pair, Side
from blemish.dashboard.image_collections import ImageCollection, OpenedImage
from blemish.dashboard.page_errors import guarded, plain
from blemish.dashboard.viewer import Pane, show_panes
from blemish.visualization import create_heatmap, overlay_outline, overlay_truth

_LIST_HEIGHT = 520


def show(pair: Pair, collection: ImageCollection, comparison: Comparison) -> None:
    """Lay out the list beside the panes."""
    beside, panes = st.columns([1, 2.3], gap="medium")
    with beside:
        compared = _chosen_images(comparison)
        index = _list(compared, collection, done=comparison.done)
    with panes:
        _panes(pair, collection, comparison, index)


def _chosen_images(comparison: Comparison) -> list[ComparedImage]:
    """Let a person sort and filter; while the comparison runs, in the collection's order."""
    compared = comparison.compared
    if not comparison.done:
        return list(compared)
    order = choose("Sort by", "sort", list(ORDERS), shown=ORDERS.__getitem__)
    with st.popover("Filter", icon=":material/filter_list:", width="stretch"):
        classes = _filter(
            "Class", "class", {name for one in compared for name in one.entry.classes}
        )
        sets = _filter("Set", "set", {one.entry.set_name for one in compared})
        sizes = _filter("Defects", "size", {size_of(one) for one in compared}, SIZES)
    return [
        one
        for one in ordered(compared, order)
        if (not classes or set(one.entry.classes) & classes)
        and (not sets or one.entry.set_name in sets)
        and (not sizes or size_of(one) in sizes)
    ]


def _filter(label: str, name: str, values: set[str], order: Sequence[str] = ()) -> set[str]:
    options = [value for value in order if value in values] or sorted(values)
    if name not in st.session_state:
        asked = st.query_params.get_all(name)
        st.session_state[name] = [value for value in asked if value in options]
    st.session_state[name] = [value for value in st.session_state[name] if value in options]
    chosen = st.multiselect(label, options, key=name, placeholder="All")
    if chosen != st.query_params.get_all(name):
        st.query_params[name] = chosen
    return set(chosen)


def _list(compared: Sequence[ComparedImage], collection: ImageCollection, *, done: bool) -> int:
    """Show the list and the buttons; return the index of the image to show."""
    names = [one.entry.image_id for one in compared] or [
        entry.image_id for entry in collection.entries
    ]
    asked = st.query_params.get("image")
    position = names.index(asked) if asked in names else 0
    _show_steps(position, names)
    if compared:
        chosen = _table(compared)
        if chosen is not None and chosen != st.session_state.get("_clicked"):
            position = chosen
            remember("image", names[position])
        st.session_state["_clicked"] = chosen
    else:
        why = "No image passes the filter" if done else "None is compared yet"
        st.caption(f"{why}; here are all of them.")
    return collection.index(names[position]) or 0


def _show_steps(position: int, names: Sequence[str]) -> None:
    """Show the buttons that step through the images; arrow keys press them."""
    last = len(names) - 1
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", wrap=False,
        key="steps",
    ):  # fmt: skip
        st.button(
            "", icon=":material/chevron_left:", shortcut="Left", help="Previous image",
            disabled=position == 0, key="previous",
            on_click=remember, args=("image", names[max(position - 1, 0)]),
        )  # fmt: skip
        st.markdown(f"{position + 1} of {len(names)}", text_alignment="center")
        st.button(
            "", icon=":material/chevron_right:", icon_position="right", shortcut="Right",
            help="Next image", disabled=position >= last, key="next",
            on_click=remember, args=("image", names[min(position + 1, last)]),
        )  # fmt: skip


def _table(compared: Sequence[ComparedImage]) -> int | None:
    """Show the images with their metrics; return the row that is selected."""
    table = pd.DataFrame(
        {
            "Image": [one.thumbnail for one in compared],
            "Differ": [100 * one.disagreement for one in compared],
            "Dice A": [one.a.dice if one.a else None for one in compared],
            "Dice B": [one.b.dice if one.b else None for one in compared],
            "Name": [one.entry.image_id for one in compared],
        }
    )
    shown = ["Image", "Differ", "Dice A", "Dice B", "Name"]
    if table["Dice A"].isna().all():
        shown = ["Image", "Differ", "Name"]
    event = st.dataframe(
        table[shown],
        key="images",
        height=_LIST_HEIGHT,
        row_height=52,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        alt="Images with the share of pixels on which the versions differ, and the Dice of each.",
        column_config={
            "Image": st.column_config.ImageColumn("", width=58),
            "Differ": st.column_config.NumberColumn("Differ %", format="%.2f", width=60),
            "Dice A": st.column_config.NumberColumn(format="%.3f", width=58),
            "Dice B": st.column_config.NumberColumn(format="%.3f", width=58),
        },
    )
    rows = event["selection"]["rows"]
    return int(rows[0]) if rows else None


@st.fragment
@guarded
def _panes(pair: Pair, collection: ImageCollection, comparison: Comparison, index: int) -> None:
    """Show one image; a slider reruns this part alone."""
    image = collection.image(index)
    thresholds = _sliders(pair)
    opacity = st.session_state.get("opacity", 0.7)
    maps = [page_cache.probability(side.model, side.version.sha256, image) for side in pair.sides]
    masks = [
        side.model.judge(probability, threshold, side.model.card.point.peak).mask
        for side, probability, threshold in zip(pair.sides, maps, thresholds, strict=True)
    ]
    show_panes(image.plane, _six(pair, image, maps, masks), opacity=opacity, key="panes")
    _say(pair, collection, index, image, masks)
    _legend(image)
    controls = st.columns([2, 1, 1], vertical_alignment="bottom")
    controls[0].slider("Opacity of the layers", 0.0, 1.0, 0.7, 0.05, key="opacity")
    with controls[1]:
        _offer_report(pair, collection, comparison, index)
    with controls[2], st.popover("Link", icon=":material/link:", width="stretch"):
        st.caption("This address shows the same comparison.")
        st.code(st.context.url or "", language=None, wrap_lines=True)


def _offer_report(
    pair: Pair, collection: ImageCollection, comparison: Comparison, index: int
) -> None:
    """Offer the comparison as a file; it is composed when somebody asks for it."""
    st.download_button(
        "Report",
        data=lambda: compose(pair, collection, comparison, index),
        file_name=f"blemish-{pair.a.version.version}-against-{pair.b.version.version}.html",
        mime="text/html",
        icon=":material/download:",
        on_click="ignore",
        width="stretch",
        disabled=not comparison.done,
        key="report",
    )


def _sliders(pair: Pair) -> tuple[float, float]:
    """Show a threshold slider for each version, or one for both."""
    left, right, link = st.columns([3, 3, 1.4], vertical_alignment="bottom")
    linked = link.toggle("Linked", key="linked", bind="query-params")
    with left:
        a = _slider(pair.a, "ta", "Threshold, both" if linked else "Threshold A")
    if linked:
        return a, a
    with right:
        return a, _slider(pair.b, "tb", "Threshold B")


def _slider(side: Side, name: str, label: str) -> float:
    own, peak = side.model.card.point.threshold, side.model.card.point.peak
    key = f"{name}-{side.version.sha256}"
    if key not in st.session_state:
        st.session_state[key] = round(asked_number(name, 0.0, 1.0) or own, 3)
    shown = st.slider(
        label, 0.0, 1.0, step=0.005, format="%.3f", key=key,
        help=f"The model's own threshold, chosen on validation images, is {own:.3f}. At every "
        f"threshold a mark counts only if its probability somewhere reaches {peak:.3f}.",
    )  # fmt: skip
    value = own if abs(shown - own) < 0.0005 else shown
    remember(name, f"{shown:.3f}", f"{own:.3f}")
    return value


Maps = Sequence[npt.NDArray[np.float32]]
Masks = Sequence[npt.NDArray[np.bool_]]


def _six(pair: Pair, image: OpenedImage, maps: Maps, masks: Masks) -> list[Pane]:
    """Return the panes in reading order: image, A, A; difference, B, B."""
    heat = [create_heatmap(probability) for probability in maps]
    layers = [_overlay(image, mask) for mask in masks]
    between = overlay_truth(image.plane, masks[0], masks[1], 1.0)
    kind = "outline" if image.truth is None else "against the truth"
    a, b = pair.sides
    return [
        Pane("Original", None, "The image as it is."),
        Pane(f"{a.title}, heatmap", heat[0], f"Probability of defect by {a.title}.", "a"),
        Pane(f"{a.title}, {kind}", layers[0], f"Marks of {a.title}, {kind}.", "a"),
        Pane("Where they differ", between, "Pixels marked by both, by A or by B.", "difference"),
        Pane(f"{b.title}, heatmap", heat[1], f"Probability of defect by {b.title}.", "b"),
        Pane(f"{b.title}, {kind}", layers[1], f"Marks of {b.title}, {kind}.", "b"),
    ]


def _overlay(image: OpenedImage, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    if image.truth is None:
        return overlay_outline(image.plane, mask)
    return overlay_truth(image.plane, mask, image.truth, 1.0)


def _say(
    pair: Pair, collection: ImageCollection, index: int, image: OpenedImage, masks: Masks
) -> None:
    """Say in words what the panes show."""
    entry = collection.entries[index]
    differ = float((masks[0] != masks[1]).mean())
    marked = ", ".join(
        f"{side.letter} marks {int(mask.sum()):,} px"
        for side, mask in zip(pair.sides, masks, strict=True)
    )
    about = [entry.image_id, f"{image.plane.shape[1]} x {image.plane.shape[0]}"]
    about += [", ".join(entry.classes)] if entry.classes else []
    st.markdown(f"**{plain(' · '.join(about))}** · {marked} · they differ on {differ:.2%}")


def _legend(image: OpenedImage) -> None:
    names = [("#009E73", "marked by both"), ("#D55E00", "by A alone"), ("#56B4E9", "by B alone")]
    truth = [("#009E73", "found"), ("#D55E00", "false mark"), ("#56B4E9", "missed")]
    rows = [("Against the truth", truth)] if image.truth is not None else []
    parts = [
        f"<span><b>{title}:</b> "
        + " ".join(f'<i style="background:{colour}"></i>{text}' for colour, text in items)
        + "</span>"
        for title, items in [*rows, ("Where they differ", names)]
    ]
    st.html(f'<div class="blemish-legend">{"".join(parts)}</div>{_LEGEND_STYLE}')


_LEGEND_STYLE = """<style>
.blemish-legend {display: flex; flex-wrap: wrap; gap: .3rem 1.5rem; font-size: .85rem;}
.blemish-legend i {display: inline-block; width: .8em; height: .8em; border-radius: 2px;
  margin: 0 .3em 0 .7em;}
</style>"""
