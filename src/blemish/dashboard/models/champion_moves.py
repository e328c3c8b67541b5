"""Promote and roll back, by the function that the command line calls, for whoever may."""

import time
from dataclasses import dataclass

import streamlit as st

from blemish.config import find_workspace, load_params, settings
from blemish.dashboard import page_cache
from blemish.dashboard.confirmation import ask_author, confirmed
from blemish.dashboard.line_status import line_status
from blemish.dashboard.models.version_details import show_checks
from blemish.dashboard.page_errors import caught, plain
from blemish.dashboard.tested_images import tested_on
from blemish.promotion.promotion_workflow import Outcome, ask_gate, promote
from blemish.promotion.rollback import RollbackTarget, rollback
from blemish.registry import Version
from blemish.store.names import CHAMPION

_SERVED_WITHIN_S = 10.0
_TOLD_S = 60.0  # how long a move stays told on the page
_DONE = ":material/check_circle:"


def _show_rollback() -> None:
    target, obstacle = page_cache.rollback_target()
    back = f"Roll back to version {target.version.version}" if target else "Roll back"
    pressed = st.button(
        back, icon=":material/undo:", key="rollback", disabled=target is None, help=obstacle
    )
    if pressed and target:
        _rollback(target)


def show_buttons(version: Version) -> None:
    """Show the buttons for the chosen version, or why there are none."""
    if settings().dashboard_read_only:
        st.caption(":material/lock: Read-only: promote and roll back on the command line.")
        return
    is_champion = CHAMPION in version.aliases
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            f"Promote version {version.version}",
            type="primary",
            icon=":material/rocket_launch:",
            disabled=is_champion,
            key="promote",
        ):
            _promotion(version)
        if st.button(
            "Ask the gate",
            icon=":material/fact_check:",
            disabled=is_champion,
            key="ask-gate",
            help="Compares the version with the champion and says what the gate would decide; "
            "nothing is moved or written.",
        ):
            _dry_run(version)
        _show_rollback()
        if is_champion:
            st.caption("This version is the champion already.")


def show_news() -> None:
    """Show what the last move did, and whether the server serves it."""
    news = st.session_state.pop("_news", None)
    if news:
        sentence, number = news
        st.session_state["_moved"] = ChampionMove(sentence, number, time.monotonic())
    moved = st.session_state.get("_moved")
    if moved is None:
        return
    if moved.is_settled():
        _say_moved(moved)
    else:
        _wait_for_server(moved)
    if time.monotonic() - moved.began > _TOLD_S:
        del st.session_state["_moved"]


@dataclass(frozen=True)
class ChampionMove:
    """A move of the champion that was made on this page.

    Attributes:
        sentence: What was moved.
        version: The champion since.
        began: Time of the move, by the monotonic clock.
    """

    sentence: str
    version: int
    began: float

    def is_settled(self) -> bool:
        """Whether there is nothing to wait for any more."""
        status = line_status()
        waited = time.monotonic() - self.began
        return status.answer is None or status.served == self.version or waited >= _SERVED_WITHIN_S


@st.fragment(run_every=1.0)
def _wait_for_server(moved: ChampionMove) -> None:
    """Wait at most ten seconds for the server to serve the new champion."""
    if moved.is_settled():
        st.rerun(scope="app")
    st.info(f"{moved.sentence} Waiting for the server to serve it.", icon=":material/hourglass:")


def _say_moved(moved: ChampionMove) -> None:
    status = line_status()
    if status.answer is None:
        st.success(f"{moved.sentence} No server answers, so none serves it.", icon=_DONE)
    elif status.served == moved.version:
        st.success(f"{moved.sentence} The server serves version {moved.version}.", icon=_DONE)
    else:
        served = "no version" if status.served is None else f"version {status.served}"
        st.warning(
            f"{moved.sentence} After ten seconds the server still serves {served}: "
            f"{' '.join(plain(text) for text in status.troubles())}",
            icon=":material/warning:",
        )


@st.dialog("Ask the gate", width="large")
def _dry_run(version: Version) -> None:
    with caught(again=False):
        params = load_params(find_workspace().params_file)
        with st.status("Asking the gate ...") as status:
            outcome = ask_gate(
                page_cache.registry(),
                str(version.version),
                params.promote,
                threads=params.serve.inference_threads,
                tell=lambda text: status.update(label=f"{text} ..."),
            )
            status.update(label="The gate has decided; nothing was moved.", state="complete")
        _note_refusal(outcome)
        if outcome.verdict == "would pass":
            st.success(f"Version {outcome.version} would pass the gate.", icon=_DONE)
        elif outcome.verdict == "unchanged":
            st.info("It is the champion already.")
        else:
            st.error(f"Version {outcome.version} would be refused.", icon=":material/block:")
        _show_decision(outcome)


@st.dialog("Promote", width="large")
def _promotion(version: Version) -> None:
    with caught(again=False):
        st.markdown(
            f"Version **{version.version}** is to become champion. The gate compares it with the "
            "present one on the same test images, and measures latency here and now."
        )
        refused = st.session_state.get("_refused", {}).get(version.version)
        force = False
        now = page_cache.champion()
        if refused is not None and refused.champion == (now.version if now else None):
            # Under another champion the gate must be asked anew.
            st.error(
                f"Refused: the champion is still version {refused.champion}.",
                icon=":material/block:",
            )
            _show_decision(refused)
            force = st.checkbox(
                "Move it although the gate refused; needs a reason, and is recorded as forced",
                key="force",
            )
        who, reason = ask_author()
        if not confirmed("Promote", who=who, reason=reason, needs_reason=force):
            return
        params = load_params(find_workspace().params_file)
        with st.status("Asking the gate ...") as status:
            outcome = promote(
                page_cache.registry(),
                str(version.version),
                params.promote,
                threads=params.serve.inference_threads,
                who=who,
                reason=reason,
                force=force,
                tell=lambda text: status.update(label=f"{text} ..."),
            )
            status.update(label="The gate has decided.", state="complete")
        _tell(outcome)


def _tell(outcome: Outcome) -> None:
    page_cache.forget_versions()
    if outcome.moved:
        how = " by force" if outcome.verdict == "forced" else ""
        sentence = f"Version {outcome.version} is champion now{how}."
        st.session_state["_news"] = (sentence, outcome.version)
        st.rerun()
    if outcome.verdict == "unchanged":
        st.info("It is the champion already.")
        return
    _note_refusal(outcome)
    st.rerun(scope="fragment")  # the dialog stays, with the decision and the way to force it


def _note_refusal(outcome: Outcome) -> None:
    """Remember what the gate said of a version that it refused: only then is force offered."""
    if outcome.verdict in {"refused", "would refuse"}:
        st.session_state["_refused"] = st.session_state.get("_refused", {}) | {
            outcome.version: outcome
        }


def say_numbers(version: Version) -> str:
    """Return the numbers of a version in a sentence, each with what it was measured on."""
    said = []
    if version.dice is not None:
        on = tested_on(version)
        said.append(f"overlap with the truth (Dice) {version.dice:.3f} on {on}")
    if version.threshold is not None:
        said.append(f"threshold {version.threshold:.3f}")
    if version.latency_ms is not None:
        said.append(f"{version.latency_ms:.1f} ms for one tile when it was registered")
    return f"Its numbers: {plain(', '.join(said))}." if said else ""


def _show_decision(outcome: Outcome) -> None:
    if outcome.obstacle:
        st.text(f"The gate could not be asked. {outcome.obstacle}")
    if outcome.decision:
        names = ", ".join(check.name for check in outcome.decision.failed)
        if names:
            st.markdown(f"What failed: {plain(names)}")
        show_checks(outcome.decision)
        for note in outcome.decision.notes:
            st.caption(plain(note))


@st.dialog("Roll back")
def _rollback(target: RollbackTarget) -> None:
    with caught(again=False):
        number = target.version.version
        st.markdown(
            f"Version **{number}** becomes champion again, in place of version "
            f"**{target.present}**. {say_numbers(target.version)}"
        )
        for warning in target.warnings:
            st.warning(plain(warning), icon=":material/warning:")
        who, reason = ask_author()
        if not confirmed("Roll back", who=who, reason=reason, needs_reason=True):
            return
        move = rollback(page_cache.registry(), who=who, reason=reason, expected=number)
        page_cache.forget_versions()
        sentence = f"Version {move.after} is champion again; it was version {move.before}."
        st.session_state["_news"] = (sentence, number)
        st.rerun()
