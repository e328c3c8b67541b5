"""The drift section of the Monitor page: what moved, how far, and how it looks."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from blemish.config.checkout_params import monitor_params
from blemish.dashboard import page_cache
from blemish.dashboard.page_errors import guarded
from blemish.dashboard.terms import meaning
from blemish.errors import BlemishError, ImageError
from blemish.image_statistics import NAMES, image_statistics
from blemish.imaging import decode_image
from blemish.monitoring import drift, logged_predictions

_EXAMPLES = 5
_HEIGHT = 220


@guarded
def show() -> None:
    """Show how the newest images compare with those of training."""
    st.markdown("### Drift against training", help=meaning("drift score"))
    params = monitor_params().drift
    with page_cache.asking_log() as engine:
        served = logged_predictions.served(engine)
        if served is None:
            st.caption("A server tells which model it uses when it starts. No server has yet.")
            return
        window = logged_predictions.window(engine, served.version, params.window)
    shifts = drift.compare(
        drift.read_references(served.statistics),
        window.statistics,
        false_alarm_rate=params.false_alarm_rate,
        min_psi=params.min_psi,
    )
    if not shifts:
        st.caption(
            f"{len(window)} images with statistics so far; the comparison begins with 50, and is "
            f"at its stated false-alarm rate with {params.window}."
        )
        return
    _show_verdict(shifts, len(window), params.false_alarm_rate)
    table, chart = st.columns([1.2, 1])
    with table:
        _show_table(shifts)
    with chart:
        _show_chart(shifts[0])
    _show_examples(shifts[0], window, served.version)


def _show_verdict(shifts: Sequence[drift.Shift], images: int, rate: float) -> None:
    moved = [drift.title(shift.name) for shift in shifts if shift.moved]
    if moved:
        st.warning(
            f"Moved: **{', '.join(moved)}**. The newest {images} images do not look like those "
            "that the model learned from.",
            icon=":material/trending_up:",
        )
    else:
        st.success(f"The newest {images} images look like those of training.",
                   icon=":material/check_circle:")  # fmt: skip
    st.caption(
        f"Drift score of each statistic against the training images, which the model file "
        f"describes. Without any drift, at most {rate:.1%} of windows are flagged, all statistics "
        "together."
    )


def _show_table(shifts: Sequence[drift.Shift]) -> None:
    st.dataframe(
        {
            "Statistic": [drift.title(shift.name) for shift in shifts],
            "": ["moved" if shift.moved else "as in training" for shift in shifts],
            "Drift score": [round(shift.index, 3) for shift in shifts],
            "Limit": [round(shift.bound, 3) for shift in shifts],
            "Mean now": [round(shift.mean, 4) for shift in shifts],
            "In training": [round(shift.training_mean, 4) for shift in shifts],
        },
        hide_index=True,
        alt="Every statistic with its drift score and limit.",
    )


def _show_chart(shift: drift.Shift) -> None:
    rows = [
        {"bin": index + 1, "images": which, "share": share}
        for which, shares in (("training", shift.training), ("newest", shift.newest))
        for index, share in enumerate(shares)
    ]
    chart = (
        alt.Chart(pd.DataFrame(rows), height=_HEIGHT)
        .mark_bar()
        .encode(
            x=alt.X("bin:O", title=f"{drift.title(shift.name)}, low to high",
                    axis=alt.Axis(labelAngle=0)),
            xOffset=alt.XOffset("images:N", sort=["training", "newest"]),
            y=alt.Y("share:Q", title="Share of images", axis=alt.Axis(format="%")),
            color=alt.Color("images:N", sort=["training", "newest"], title=None,
                            legend=alt.Legend(orient="top")),
            tooltip=["images", alt.Tooltip("share:Q", format=".1%")],
        )
    )  # fmt: skip
    st.altair_chart(chart, alt=f"Shares of images by {shift.name}, training and newest.")


def _show_examples(
    shift: drift.Shift, window: logged_predictions.StatisticsWindow, version: int
) -> None:
    """Show the newest images that moved the most, beside ones that the model's tests know."""
    if not shift.moved:
        return
    newest = _newest_examples(shift, window)
    known = _known_examples(version, shift.name)
    for title, images in (("Newest, farthest out", newest), ("As the model knows them", known)):
        if not images:
            continue
        st.markdown(f"##### {title}")
        for column, image in zip(st.columns(_EXAMPLES), images, strict=False):
            column.image(image, width="stretch", alt=f"{title}: an example.")


def _newest_examples(
    shift: drift.Shift, window: logged_predictions.StatisticsWindow
) -> list[np.ndarray]:
    store = page_cache.logged_images()
    values = window.statistics[shift.name]
    sign = 1 if shift.mean > shift.training_mean else -1
    order = np.argsort(np.where(np.isfinite(values), -sign * values, np.inf))
    found: list[np.ndarray] = []
    for sha256 in dict.fromkeys(window.images[int(place)] for place in order):
        data = store.get(sha256) if sha256 else None
        if data is not None and len(found) < _EXAMPLES:
            try:
                found.append(decode_image(data).plane)
            except ImageError:
                continue
    return found


@st.cache_data(max_entries=32, ttl=600, show_spinner=False)
def _known_examples(version: int, name: str) -> list[np.ndarray]:
    """Return the test images nearest the median of a statistic; none where it is no image's."""
    if name not in NAMES:
        return []
    try:
        images = page_cache.registry().test_images(page_cache.registry().resolve(version))
    except BlemishError:
        return []
    planes = [image.plane() for image in images[:60]]
    values = np.array([getattr(image_statistics(plane), name) for plane in planes])
    order = np.argsort(np.abs(values - np.median(values)))
    return [planes[int(place)] for place in order[:_EXAMPLES]]
