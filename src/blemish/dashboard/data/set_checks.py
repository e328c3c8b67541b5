"""What validation says of the sets: every file that it would refuse, and why."""

from pathlib import Path

import pandas as pd
import streamlit as st

from blemish.dashboard.page_errors import guarded, plain
from blemish.errors import DataError
from blemish.sets import Fault, check_image, check_index, read_set


@guarded
def show(folders: dict[str, Path]) -> None:
    """Check sets when asked to, by the functions that the preprocess stage calls."""
    st.caption(
        "An import or the preprocess stage refuses a set with any of these faults as a whole, and "
        "imports nothing half."
    )
    for name, folder in folders.items():
        with st.container(border=True):
            left, right = st.columns([4, 1], vertical_alignment="center")
            left.markdown(f"**{plain(name)}**")
            asked = right.button(
                "Check", key=f"check-{name}", icon=":material/rule:", width="stretch"
            )
            if asked:
                st.session_state[f"checked-{name}"] = True
            if st.session_state.get(f"checked-{name}"):
                _show_faults(folder)


def _show_faults(folder: Path) -> None:
    changed = max(path.stat().st_mtime_ns for path in (folder, *folder.glob("*")))
    try:
        images, faults = _check(folder, changed)
    except DataError as error:
        st.error(plain(error.summary), icon=":material/block:")
        return
    if not faults:
        st.success(
            f"All {images} images and their masks can be used.", icon=":material/check_circle:"
        )
        return
    st.error(f"{len(faults)} faults in {images} images.", icon=":material/block:")
    st.dataframe(
        pd.DataFrame(
            {"File": [one.file for one in faults], "Problem": [one.problem for one in faults]}
        ),
        hide_index=True,
        alt="Files that cannot be used, and why.",
    )


@st.cache_data(max_entries=16, show_spinner="Checking every image ...")
def _check(folder: Path, changed_ns: int) -> tuple[int, tuple[Fault, ...]]:
    """Return the number of images and every fault."""
    del changed_ns
    images = read_set(folder)
    faults = list(check_index(images))
    for index in range(len(images)):
        found = check_image(images, index)
        if isinstance(found, tuple):
            faults += found
    return len(images), tuple(sorted(faults))
