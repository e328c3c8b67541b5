"""The page ``/models``: what is registered, where it comes from, and which one is live."""

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

import pandas as pd
import streamlit as st

from blemish.dashboard import page_cache
from blemish.dashboard.address_widgets import page_address, remember
from blemish.dashboard.line_status import age
from blemish.dashboard.local_times import local_zone, time_columns
from blemish.dashboard.models import champion_moves, version_details
from blemish.dashboard.page_errors import plain
from blemish.dashboard.page_parts import show_facts, show_no_version
from blemish.dashboard.terms import meaning
from blemish.dashboard.tested_images import (
    clean_marks,
    dice_interval,
    is_other_split,
    say_interval,
    tested_on,
)
from blemish.metrics import Interval
from blemish.registry import Version
from blemish.store.names import CHAMPION


def page() -> None:
    """Lay out the page."""
    st.markdown("## Models")
    versions = page_cache.versions()
    if not versions:
        show_no_version()
        return
    champion_moves.show_news()
    champion = page_cache.champion()
    if champion is None:
        st.warning("No version is champion, so nothing is served.", icon=":material/warning:")
    else:
        _show_champion(champion)
    chosen = _table(versions, champion)
    champion_moves.show_buttons(chosen)
    details, history = st.tabs(
        [":material/account_tree: Lineage and gate", ":material/history: History"]
    )
    with details:
        version_details.show(chosen)
    with history:
        version_details.show_history()


def _show_champion(champion: Version) -> None:
    moves, since = page_cache.history(), "no history"
    if moves:
        since = f"for {age(datetime.now(UTC) - datetime.fromisoformat(moves[-1].at))}"
    point = f"threshold {_number(champion.threshold, '.3f', '')}"
    share = champion.clean_marked_share
    show_facts((
        ("Champion", f"version {champion.version}", since, meaning("champion")),
        ("Number format", champion.precision or "-", point, meaning("precision")),
        ("Overlap with the truth (Dice)", _number(champion.dice, ".3f", ""),
         f"on {tested_on(champion)}", meaning("Dice")),
        *([("Defect-free images with a mark", f"{share:.1%}", clean_marks(champion),
            meaning("false alarm"))] if share is not None else []),
        ("Latency", _number(champion.latency_ms, ".1f", " ms"), "one tile, at registration", None),
        ("SHA-256", champion.sha256[:12] or "-", _size(champion),
         "Names the content of the model file; the same in the registry, the API and the log."),
    ))  # fmt: skip
    if said := say_interval(champion):
        st.caption(plain(said), help=meaning("interval"))


def _table(versions: Sequence[Version], champion: Version | None) -> Version:
    """Show the versions; return the one that is chosen."""
    st.caption("Choose a row to see where a version comes from, or to promote it.")
    rows = [_row(version, champion, local_zone()) for version in versions]
    event = st.dataframe(
        pd.DataFrame(rows),
        key="versions",
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        alt="Registered versions, the newest first.",
        placeholder="-",
        column_config={
            "Aliases": st.column_config.TextColumn(width=150),
            "Threshold": st.column_config.NumberColumn(format="%.3f"),
            "Size, MB": st.column_config.NumberColumn(format="%.3f"),
            "Latency, ms": st.column_config.NumberColumn(format="%.1f"),
            "Compare with the champion": st.column_config.LinkColumn(display_text="Compare"),
            "Dice": st.column_config.NumberColumn(format="%.4f", help=meaning("Dice")),
            "Dice, 95 %": st.column_config.TextColumn(help=meaning("interval")),
            "Gate": st.column_config.TextColumn(help=meaning("gate")),
            "Number format": st.column_config.TextColumn(help=meaning("precision")),
        },
    )
    chosen = event["selection"]["rows"]
    if chosen:
        remember("version", str(versions[chosen[0]].version))
        return versions[chosen[0]]
    return _named(versions)


def _named(versions: Sequence[Version]) -> Version:
    """Return the version that the address names, else the candidate, else the newest."""
    asked = st.query_params.get("version")
    preferred = [one for one in versions if "candidate" in one.aliases] or list(versions)
    found = next((one for one in versions if str(one.version) == asked), None)
    if asked is not None and found is None:
        st.warning(
            f"The address names version {plain(asked)}, which is not in the registry; shown "
            f"instead: version {preferred[0].version}.",
            icon=":material/link_off:",
        )
    return found or preferred[0]


def _row(version: Version, champion: Version | None, zone: tzinfo) -> dict[str, object]:
    other = " (other images than the champion)" if is_other_split(version, champion) else ""
    beside = champion is not None and champion.version != version.version
    values = {"a": CHAMPION, "b": str(version.version)}
    return {
        "Version": version.version,
        "Aliases": ", ".join(version.aliases),
        "Compare with the champion": page_address("", values) if beside else "",
        "Number format": version.precision,
        "Dice": version.dice,
        "Dice, 95 %": _range(dice_interval(version)),
        "Dice measured on": f"{tested_on(version)}{other}",
        "Defect-free images with a mark": _clean(version),
        "Threshold": version.threshold,
        "Size, MB": None if version.size_bytes is None else version.size_bytes / 1e6,
        "Latency, ms": version.latency_ms,
        "Gate": version.gate.get("verdict", "not asked yet"),
        "SHA-256": version.sha256[:12],
        **{
            name: times[0]
            for name, times in time_columns("Registered", [version.created], zone).items()
        },
    }


def _range(interval: Interval | None) -> str | None:
    return None if interval is None else f"{interval.low:.3f} to {interval.high:.3f}"


def _clean(version: Version) -> str | None:
    share = version.clean_marked_share
    return None if share is None else f"{share:.1%} {clean_marks(version)}"


def _size(version: Version) -> str:
    return "size not known" if version.size_bytes is None else f"{version.size_bytes / 1e6:.2f} MB"


def _number(value: float | None, spec: str, unit: str) -> str:
    return "-" if value is None else f"{value:{spec}}{unit}"
