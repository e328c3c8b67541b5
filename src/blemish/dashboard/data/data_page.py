"""The page ``/data``: the sets, what is in them, how they are split, and what was refused."""

from pathlib import Path

import streamlit as st

from blemish.config import Workspace, find_workspace
from blemish.dashboard import page_cache
from blemish.dashboard.address_widgets import choose
from blemish.dashboard.data import generator_preview, label_suggestions, set_browser, set_checks
from blemish.dashboard.terms import meaning
from blemish.errors import WorkspaceError

_TABS = [
    ":material/photo_library: Images",
    ":material/rule_folder: What to label next",
    ":material/brush: Generator",
    ":material/rule: Validation",
]


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
    folders = page_cache.set_folders()
    images, suggestions, generator, checks = st.tabs(_TABS, key="data-tab", on_change="rerun")
    with images:  # always: images that the browser still fetches must not go with the tab
        _show_images(workspace, folders)
    if suggestions.open:
        with suggestions:
            label_suggestions.show(workspace, folders)
    if generator.open:
        with generator:
            generator_preview.show(workspace)
    if checks.open:
        with checks:
            set_checks.show(folders)


def _show_images(workspace: Workspace, folders: dict[str, Path]) -> None:
    if not folders:
        _show_empty()
        return
    folder = _choose_set(folders)
    synthetic = folder == workspace.path("synthetic")
    splits = "synthetic_splits" if synthetic else "real_splits"
    set_browser.show(folder, workspace.path(splits), real=not synthetic)
    set_browser.show_drawn(workspace.path("reports") / "drawn" / f"{folder.name}.png")


def _choose_set(folders: dict[str, Path]) -> Path:
    return folders[choose("Set", "set", list(folders), help=meaning("set"))]


def _show_empty() -> None:
    st.info(
        "No set yet. Draw the synthetic one: `dvc repro generate`. Import a real one: "
        "`blemish import SOURCE --name NAME`.",
        icon=":material/add_photo_alternate:",
    )
