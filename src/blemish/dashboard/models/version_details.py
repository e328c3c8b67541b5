"""Where a version comes from, what the gate said of it, and who moved the champion."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st
from pydantic import TypeAdapter

from blemish.dashboard import page_cache
from blemish.dashboard.line_status import version_name
from blemish.dashboard.local_times import both_times, local_zone, time_columns
from blemish.dashboard.terms import meaning
from blemish.promotion.rule import Check, Decision
from blemish.registry import Move, Version
from blemish.store.names import DIGEST

_STORED = TypeAdapter(list[Check])


def show(version: Version) -> None:
    """Show one version."""
    st.markdown(f"##### Version {version.version}")
    left, right = st.columns(2)
    with left:
        _table(_lineage(version), "Lineage")
    with right:
        _show_gate(version)
    data = {
        key.removeprefix(DIGEST): value
        for key, value in sorted(version.tags.items())
        if key.startswith(DIGEST)
    }
    left, right = st.columns(2)
    with left:
        st.markdown("###### Digests of data and outputs")
        if data:
            _table(data, "Digests")
        else:
            st.caption("Nothing is recorded.")
    with right:
        st.markdown("###### Parameters")
        _table(dict(sorted(version.params.items())), "Parameters", height=240)


def show_history() -> None:
    """Show who moved the champion, when, why, from and to; the newest first."""
    moves = page_cache.history()[::-1]
    if not moves:
        st.caption("Nobody has moved the champion yet.")
        return
    st.dataframe(
        pd.DataFrame(
            {
                **_when(moves),
                "From": [version_name(move.before) for move in moves],
                "To": [version_name(move.after) for move in moves],
                "How": [move.why for move in moves],
                "Who": [move.who for move in moves],
                "Reason": [move.reason for move in moves],
            }
        ),
        hide_index=True,
        alt="Moves of the champion, the newest first.",
        column_config={"Reason": st.column_config.TextColumn(width="large")},
    )


def show_checks(decision: Decision) -> None:
    """Show every metric of the gate with what is accepted."""
    _checks([asdict(check) for check in decision.checks])


def _show_gate(version: Version) -> None:
    gate = version.gate
    if not gate:
        st.markdown("###### Gate")
        st.caption("Nobody has asked the gate about this version yet.")
        return
    st.markdown(f"###### Gate: {gate.get('verdict', '')}", help=meaning("gate"))
    st.text(f"{_time(gate.get('at', ''))}, by {gate.get('who', '')}")
    if gate.get("reason"):
        st.text(gate["reason"])
    checks = read_checks(gate.get("checks", "[]"))
    if checks is None:
        st.caption("What it checked cannot be read: somebody has edited the tag gate.checks.")
    elif checks:
        _checks(checks)


def read_checks(text: str) -> list[dict[str, Any]] | None:
    """Return the checks that a tag holds; None where it holds something else."""
    try:
        checks = [asdict(check) for check in _STORED.validate_json(text)]
        for check in checks:
            in_words(check)
    except ValueError:
        return None
    return checks


def _checks(found: Sequence[Mapping[str, Any]]) -> None:
    checks = sorted(found, key=lambda check: bool(check["passed"]))  # what failed is seen at once
    st.dataframe(
        pd.DataFrame(
            {
                "": ["passed" if check["passed"] else "failed" for check in checks],
                "Check": [check["name"] for check in checks],
                "In words": [in_words(check) for check in checks],
                "Value": [f"{check['value']:.4g}" for check in checks],
                "Accepted": [check["bound"] for check in checks],
            }
        ),
        hide_index=True,
        alt="Every check of the gate with its value and what is accepted.",
    )


def in_words(check: Mapping[str, Any]) -> str:
    """Say a check of the gate as a person would: ``may lose 0.01; could lose 0.80``.

    Args:
        check: Check with ``name``, ``value`` and ``bound``, as in ``>= -0.01``.
    """
    sign, _, bound = str(check["bound"]).partition(" ")
    value = float(check["value"])
    if "against the champion, set" not in str(check["name"]):
        return f"{'at least' if sign == '>=' else 'at most'} {bound}; found {value:.4g}"
    what, worse = ("lose", -value) if sign == ">=" else ("rise by", value)
    could = f"could {what} {worse:.2g}" if worse > 0 else f"does not {what.removesuffix(' by')}"
    return f"may {what} {abs(float(bound)):g}; {could}"


def _lineage(version: Version) -> dict[str, str]:
    return {
        "Run": version.run_id,
        "Git commit": version.git_commit,
        "Uncommitted changes": {True: "yes", False: "no", None: "unknown"}[version.git_dirty],
        "Fingerprint": version.fingerprint,
        "Record": version.record,
        "SHA-256": version.sha256,
        "Registered": both_times(version.created, local_zone(), seconds=True),
    }


def _table(values: Mapping[str, str], name: str, height: int | None = None) -> None:
    """Show names and values as text: whatever they hold stays inert."""
    table = pd.DataFrame({name: list(values), "Value": [str(value) for value in values.values()]})
    st.dataframe(
        table,
        hide_index=True,
        height=height or "auto",
        alt=f"{name} of the version.",
        column_config={"Value": st.column_config.TextColumn(width="large")},
    )


def _when(moves: Sequence[Move]) -> dict[str, list[str]]:
    """Return the columns of the times; of a move made outside it is known between which it was."""
    zone = local_zone()
    until = time_columns("When", [datetime.fromisoformat(move.at) for move in moves], zone)
    since = [datetime.fromisoformat(move.since) if move.since else None for move in moves]
    begun = time_columns("When", since, zone)
    return {
        name: [
            f"between {first} and {last}" if first else last
            for first, last in zip(begun.get(name, [""] * len(moves)), times, strict=True)
        ]
        for name, times in until.items()
    }


def _time(text: str) -> str:
    """Return a time of a tag in both zones; the text itself where a hand has edited it."""
    try:
        return both_times(datetime.fromisoformat(text), local_zone())
    except ValueError:
        return text
