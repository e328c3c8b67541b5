"""The images of a comparison: a list to choose from, and panes that move together."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import streamlit as st

from blemish.arrays import Map, Mask
from blemish.dashboard import page_cache
from blemish.dashboard.compare.compared_images import ComparedImage
from blemish.dashboard.compare.comparison_view import ComparisonView
from blemish.dashboard.compare.image_list import show_list
from blemish.dashboard.compare.version_pair import Pair
from blemish.dashboard.image_collections import OpenedImage
from blemish.dashboard.page_errors import plain
from blemish.dashboard.terms import meanings
from blemish.dashboard.viewer import Pane, ViewerFrame, make_frame, show_frames
from blemish.files import sha256_bytes
from blemish.visualization import create_heatmap, overlay_outline, overlay_truth

Maps = Sequence[Map]
Masks = Sequence[Mask]


def show(view: ComparisonView, listed: Sequence[ComparedImage]) -> ComparedImage:
    """Lay out the list beside the panes; return the image that is shown.

    Args:
        view: The comparison as the person sees it.
        listed: The images to list, at least one, in order.
    """
    beside, panes = st.columns([1, 2.6], gap="medium")
    with beside:
        selected, direction = show_list(listed, view.split.reasons)
    place = [one.entry.image_id for one in listed].index(selected)
    one = listed[place]
    with panes:
        wanted = [place, place + direction, place + 2 * direction, place - direction]
        frames = [_frame(view, listed[number]) for number in wanted if 0 <= number < len(listed)]
        stamp = " ".join(side.version.sha256 for side in view.pair.sides)
        show_frames(
            frames,
            stamp=f"{stamp} {view.thresholds} {view.collection.digest}",
            opacity=st.session_state.get("opacity", 0.7),
            key="panes",
        )
        _say(one, view.collection.image(one.index))
        _show_legend(judged=one.defective is not None)
    return one


def _frame(view: ComparisonView, one: ComparedImage) -> ViewerFrame:
    image = view.collection.image(one.index)
    models = tuple(side.version.sha256 for side in view.pair.sides)
    key = (
        one.entry.image_id,
        image.sha256,
        None if image.truth is None else sha256_bytes(image.truth.tobytes()),
        models,
        view.thresholds,
        tuple(map(str, view.pair.sides)),
    )
    return page_cache.FRAMES.get(
        key, lambda: _drawn_frame(one.entry.image_id, view.thresholds, view.pair, image)
    )


def _drawn_frame(
    image_id: str, thresholds: tuple[float, float], pair: Pair, image: OpenedImage
) -> ViewerFrame:
    """Draw and encode the panes of one image."""
    maps = [page_cache.probability(side.model, side.version.sha256, image) for side in pair.sides]
    masks = [
        side.point_at(threshold).mark(probability)
        for side, probability, threshold in zip(pair.sides, maps, thresholds, strict=True)
    ]
    return make_frame(image_id, image.plane, _six(pair, image, maps, masks))


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


def _overlay(image: OpenedImage, mask: Mask) -> npt.NDArray[np.uint8]:
    if image.truth is None:
        return overlay_outline(image.plane, mask)
    return overlay_truth(image.plane, mask, image.truth, 1.0)


def _say(one: ComparedImage, image: OpenedImage) -> None:
    """Say in words what the panes show."""
    about = [one.entry.image_id, f"{image.plane.shape[1]} x {image.plane.shape[0]}"]
    if one.entry.group and one.entry.group != one.entry.image_id:
        about.append(f"part {one.entry.group}")
    about += [", ".join(one.entry.classes)] if one.entry.classes else []
    said = ", ".join(
        f"{letter} calls it {'defective' if called else 'defect-free'}"
        for letter, called in (("A", one.called_a), ("B", one.called_b))
    )
    truth = {None: "", True: " It is defective.", False: " It is defect-free."}[one.defective]
    st.markdown(
        f"**{plain(' · '.join(about))}**: {said}.{truth} "
        f"They differ on {one.disagreement:.2%} of the pixels.",
        help=meanings("heatmap", "part", "class", "operating point"),
    )


def _show_legend(*, judged: bool) -> None:
    names = [("#009E73", "marked by both"), ("#D55E00", "by A alone"), ("#56B4E9", "by B alone")]
    truth = [("#009E73", "found"), ("#D55E00", "false mark"), ("#56B4E9", "missed")]
    rows = [("Against the truth", truth)] if judged else []
    parts = [
        f"<span><b>{title}:</b> "
        + " ".join(f'<em><i style="background:{colour}"></i>{text}</em>' for colour, text in items)
        + "</span>"
        for title, items in [*rows, ("Where they differ", names)]
    ]
    st.html(f'<div class="blemish-legend">{"".join(parts)}</div>{_LEGEND_STYLE}')


_LEGEND_STYLE = """<style>
.blemish-legend {display: flex; flex-wrap: wrap; gap: .3rem 1.5rem; font-size: .85rem;}
.blemish-legend em {font-style: normal; white-space: nowrap;}
.blemish-legend i {display: inline-block; width: .8em; height: .8em; border-radius: 2px;
  margin: 0 .3em 0 .7em;}
</style>"""
