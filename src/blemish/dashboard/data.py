"""The page ``/data``: the sets, what is in them, how they are split, and what was refused."""

from pathlib import Path

import streamlit as st

from blemish.config import find_workspace
from blemish.dashboard import cache, data_checks, data_generator, data_images
from blemish.dashboard.choice import choose
from blemish.errors import WorkspaceError


def page() -> None:
    """Lay out the page."""
    st.markdown("## Data")
    try:
        workspace = find_workspace()
    except WorkspaceError:
        st.info(
            "There is no checkout here, so there are no sets to show. Start the dashboard in one.",
            icon=":material/folder_off:",
        )
        return
    images, generator, checks = st.tabs(
        [
            ":material/photo_library: Images",
            ":material/brush: Generator",
            ":material/rule: Validation",
        ]
    )
    folders = cache.set_folders()
    with generator:
        data_generator.show(workspace)
    if not folders:
        with images:
            _show_empty()
        return
    with images:
        folder = _choose_set(folders)
        data_images.show(folder, workspace.path("processed"))
    with checks:
        data_checks.show(folders)


def _choose_set(folders: dict[str, Path]) -> Path:
    return folders[
        choose("Set", "set", list(folders), help="Synthetic, or imported under data/real.")
    ]


def _show_empty() -> None:
    st.info(
        "No set yet. Draw the synthetic one: `dvc repro generate`. Import a real one: "
        "`blemish import SOURCE --name NAME`.",
        icon=":material/add_photo_alternate:",
    )
