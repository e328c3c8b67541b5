"""A set in numbers: images, labels, groups, classes, splits, and what it lacks."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from blemish.dashboard.image_collections import ImageCollection
from blemish.dashboard.page_errors import plain
from blemish.dashboard.page_parts import show_facts
from blemish.dashboard.terms import meaning

SPLITS = ("train", "val", "test")


def show(collection: ImageCollection, splits: Mapping[str, str]) -> None:
    """Show the numbers of a set.

    Args:
        collection: The set.
        splits: Split of each image, by its id.
    """
    entries = collection.entries
    classes = Counter(name for entry in entries for name in entry.classes)
    defective = sum(bool(entry.classes) for entry in entries)
    clean = sum(entry.clean for entry in entries)
    parts = Counter(splits.get(entry.image_id, "") for entry in entries)
    known = any(parts[name] for name in SPLITS)
    split = " | ".join(f"{parts[name]:,}" for name in SPLITS) if known else "-"
    show_facts((
        ("Images", f"{len(entries):,}", f"{len(entries) - clean:,} labelled, {clean:,} clean",
         "Labelled by a mask, or declared clean: defect-free, without a mask."),
        ("With defects", f"{defective / max(len(entries), 1):.0%}", f"{defective:,} images", None),
        ("Parts", f"{len({one.group for one in entries}):,}", "never in two splits",
         f"A part is a group. {meaning('group')}"),
        ("Classes", str(len(classes)), "of defects", meaning("class")),
        ("Train | val | test", split, "images" if known else "not preprocessed yet",
         "Train teaches the model, val chooses its operating point, test measures it."),
    ))  # fmt: skip
    said = [f"{name} ({number})" for name, number in sorted(classes.items())]
    by_class = f" Images by class: {', '.join(said)}." if said else ""
    st.caption(plain(f"Set {collection.name}.{by_class}"))
    if collection.region is not None:
        st.caption(
            f"Region of interest: {collection.region.mean():.0%} of each image. Nothing outside "
            "of it is drawn, learned or measured."
        )


def show_lacks(folder: Path) -> None:
    """Say what a real set lacks for training and measuring, with what it costs."""
    for lack in _lacks(folder, (folder / "index.csv").stat().st_mtime_ns):
        st.info(plain(lack), icon=":material/info:")


@st.cache_data(max_entries=32, show_spinner=False)
def _lacks(folder: Path, changed_ns: int) -> tuple[str, ...]:
    from blemish.importing.report import name_import_lacks  # noqa: PLC0415 - as below
    from blemish.sets import read_set  # noqa: PLC0415 - not installed beside a server

    del changed_ns
    return tuple(name_import_lacks(read_set(folder)))
