"""The page ``/data``: the sets, what is in them, how they are split, and what was refused."""

from pathlib import Path

import streamlit as st

from blemish.config import find_workspace
from blemish.dashboard import page_cache
from blemish.dashboard.address_widgets import choose
from blemish.dashboard.data import generator_preview, set_browser, set_checks
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
    folders = page_cache.set_folders()
    with generator:
        generator_preview.show(workspace)
    if not folders:
        with images:
            _show_empty()
        return
    with images:
        folder = _choose_set(folders)
        synthetic = folder == workspace.path("synthetic")
        splits = "synthetic_splits" if synthetic else "real_splits"
        set_browser.show(folder, workspace.path(splits))
        set_browser.show_drawn(workspace.path("reports") / "drawn" / f"{folder.name}.png")
    with checks:
        set_checks.show(folders)


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
