"""What to label or check next: the photographs of a set most worth a person's look, with images."""

import csv
import io
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import streamlit as st

from blemish.config import Workspace
from blemish.dashboard import page_cache
from blemish.dashboard.address_widgets import choose
from blemish.dashboard.page_errors import guarded, plain
from blemish.dashboard.page_parts import TILE
from blemish.dashboard.terms import meaning
from blemish.errors import ImageError
from blemish.imaging import decode_image
from blemish.inference import Segmenter
from blemish.registry import Version
from blemish.sets import ImageSet, read_set
from blemish.suggestions import (
    PhotographToRank,
    Suggestion,
    Suggestions,
    draw_suggestion,
    rank_photographs,
    set_photograph,
    set_photographs,
)
from blemish.visualization import encode_png

_SHOWN = 12  # of each kind


@guarded
def show(workspace: Workspace, folders: dict[str, Path]) -> None:
    """Show what fine-tuning left out, and rank the photographs of a set when asked to."""
    real = {name: one for name, one in folders.items() if one != workspace.path("synthetic")}
    versions = {str(one.version): one for one in page_cache.versions()}
    if not real or not versions:
        st.info(
            "Suggestions are made of photographs and a version: import a set "
            "(`blemish import SOURCE --name NAME`) and train (`make repro`).",
            icon=":material/add_photo_alternate:",
        )
        return
    left, right = st.columns(2)
    with left:
        name = choose("Set of photographs", "labels", list(real), help=meaning("set"))
    with right:
        candidate = next((n for n, v in versions.items() if "candidate" in v.aliases), None)
        number = choose(
            "Version", "by", list(versions), default=candidate, shown=lambda one: f"Version {one}",
            help="Best one that was fine-tuned on the set.",
        )  # fmt: skip
    _show_suspects(workspace.path("finetuned") / "suspects.csv", read_set(real[name]))
    _show_ranking(read_set(real[name]), versions[number])


def _show_suspects(table: Path, images: ImageSet) -> None:
    """Show the photographs that fine-tuning left out, since they may not be defect-free."""
    if not table.is_file():
        return
    rows = csv.DictReader(io.StringIO(table.read_text(encoding="utf-8")))
    places = {row.image_id: place for place, row in enumerate(images.rows)}
    found = [row for row in rows if row["set"] == images.name and row["image_id"] in places]
    if not found:
        return
    st.markdown("##### Left out by fine-tuning", help=meaning("suspect"))
    with st.container(horizontal=True, key="tiles-suspects"):
        for row in found[:_SHOWN]:
            with st.container(width=TILE, gap="xxsmall"):
                plane = set_photograph(images, places[row["image_id"]]).plane
                st.image(plane, width="stretch", alt=f"{row['image_id']}: suspect")
                expected = float(row["expected_defect_px"])
                st.caption(plain(f"{row['image_id']}: {expected:.0f} px expected defective"))


@st.fragment
@guarded
def _show_ranking(images: ImageSet, version: Version) -> None:
    """Rank the photographs when asked to; what was ranked stays until another set is chosen."""
    files = st.file_uploader(
        "Photographs that nobody has labelled (optional)",
        accept_multiple_files=True,
        key="unlabelled",
        help="They are ranked beside those of the set. For whole folders: "
        f"blemish suggest {images.name} FOLDER",
    )
    kept = f"_ranked {images.folder} {version.sha256}"
    if st.button(
        f"Rank {len(images) + len(files):,} photographs", key="rank", icon=":material/sort:"
    ):
        unlabelled = [(file.name, file.getvalue()) for file in files]
        st.session_state[kept] = _rank(images, version, unlabelled)
    ranked = st.session_state.get(kept)
    if ranked is None:
        st.caption(
            "Labels to check come first: where the version and a label disagree most. Then "
            "photographs to label next: where the version is least sure."
        )
        return
    _show_found("Labels to check, the largest disagreement first", ranked[0])
    _show_found("To label next, the least sure first", ranked[1])


Strip = tuple[str, str, bytes]
"""Name, what to look for, and the photograph beside its label and heatmap as PNG."""


def _rank(
    images: ImageSet, version: Version, unlabelled: Sequence[tuple[str, bytes]]
) -> tuple[list[Strip], list[Strip]]:
    model = page_cache.load(version)
    added = list(_added(unlabelled))
    total = len(images) + len(added)
    progress = st.progress(0.0)

    def photographs() -> Iterator[PhotographToRank]:
        for done, one in enumerate(itertools.chain(set_photographs(images), added)):
            progress.progress(done / total, text=f"{done} of {total} photographs")
            yield one

    found = rank_photographs(photographs(), model.probability, model.card.point)
    progress.empty()
    shown = Suggestions(found.check[:_SHOWN], found.label[:_SHOWN])
    places = {row.image_id: place for place, row in enumerate(images.rows)}
    by_name = {one.name: one for one in added}
    return (
        [_strip(one, set_photograph(images, places[one.name]), model) for one in shown.check],
        [_strip(one, by_name[one.name], model) for one in shown.label],
    )


def _added(files: Sequence[tuple[str, bytes]]) -> Iterator[PhotographToRank]:
    for name, data in files:
        try:
            plane = decode_image(data).plane
        except ImageError as error:
            st.error(f"**{plain(name)}**: {plain(error)}", icon=":material/broken_image:")
            continue
        yield PhotographToRank(name, "unlabelled", plane, None)


def _strip(one: Suggestion, photograph: PhotographToRank, model: Segmenter) -> Strip:
    sheet = draw_suggestion(photograph, model.probability(photograph.plane))
    return one.name, one.describe(), encode_png(sheet)


def _show_found(title: str, found: Sequence[Strip]) -> None:
    st.markdown(f"##### {title}")
    if not found:
        st.caption("No photograph.")
    for name, said, strip in found:
        st.markdown(f"**{plain(name)}**: {plain(said)}")
        st.image(strip, width="stretch", alt=f"{name}: photograph, label and heatmap")
