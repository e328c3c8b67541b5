"""Promote and roll back, by the function that the command line calls, for whoever may."""

import hmac
import time

import streamlit as st

from blemish.config import find_workspace, load_params
from blemish.dashboard import page_cache
from blemish.dashboard.line_status import line_status
from blemish.dashboard.models.version_details import show_checks
from blemish.dashboard.page_errors import caught, plain
from blemish.promotion.promotion_workflow import Outcome, ask_gate, promote
from blemish.promotion.rollback import RollbackTarget, rollback
from blemish.registry import Version
from blemish.store.names import CHAMPION

_WRONG_PASSWORD_S = 1.0  # what a guess costs
_SERVED_WITHIN_S = 10.0
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
    if page_cache.environment().dashboard_read_only:
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
    """Show, once, what the last move did, and whether the server serves it."""
    news = st.session_state.pop("_news", None)
    if news:
        st.session_state["_moved"] = (*news, time.monotonic())
    if "_moved" in st.session_state:
        _show_moved()


@st.fragment(run_every=1.0)
def _show_moved() -> None:
    """Say what was moved, and wait at most ten seconds for the server to serve it."""
    sentence, number, began = st.session_state["_moved"]
    status = line_status()
    if status.answer is None:
        st.success(f"{sentence} No server answers, so none serves it.", icon=_DONE)
    elif status.served == number:
        st.success(f"{sentence} The server serves version {number}.", icon=_DONE)
    elif time.monotonic() - began < _SERVED_WITHIN_S:
        st.info(f"{sentence} Waiting for the server to serve it.", icon=":material/hourglass:")
    else:
        st.warning(
            f"{sentence} After ten seconds the server still serves version {status.served}: "
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
        who, reason = _ask_who()
        force = False
        if version.version in st.session_state.get("_refused", ()):
            force = st.checkbox(
                "Move it although the gate refused; needs a reason, and is recorded as forced",
                key="force",
            )
        if not _confirmed("Promote", who=who, reason=reason, needs_reason=force):
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
    st.error(f"Refused: the champion is still version {outcome.champion}.", icon=":material/block:")
    _show_decision(outcome)


def _note_refusal(outcome: Outcome) -> None:
    """Remember that the gate refused a version: only then is force offered."""
    if outcome.verdict in {"refused", "would refuse"}:
        refused = st.session_state.get("_refused", frozenset())
        st.session_state["_refused"] = refused | {outcome.version}


def _show_decision(outcome: Outcome) -> None:
    if outcome.obstacle:
        st.text(f"The gate could not be asked. {outcome.obstacle}")
    if outcome.decision:
        names = ", ".join(check.name for check in outcome.decision.failed)
        if names:
            st.markdown(f"What failed: {plain(names)}")
        show_checks(outcome.decision)


@st.dialog("Roll back")
def _rollback(target: RollbackTarget) -> None:
    with caught(again=False):
        number = target.version.version
        dice = target.version.dice
        overlap = "" if dice is None else f" Its overlap with the truth (Dice) was {dice:.3f}."
        st.markdown(
            f"Version **{number}** becomes champion again, in place of version "
            f"**{target.present}**.{overlap}"
        )
        for warning in target.warnings:
            st.warning(plain(warning), icon=":material/warning:")
        who, reason = _ask_who()
        if not _confirmed("Roll back", who=who, reason=reason, needs_reason=True):
            return
        move = rollback(page_cache.registry(), who=who, reason=reason, expected=number)
        page_cache.forget_versions()
        sentence = f"Version {move.after} is champion again; it was version {move.before}."
        st.session_state["_news"] = (sentence, number)
        st.rerun()


def _ask_who() -> tuple[str, str]:
    """Ask for a reason, and for a name: once in a session, and not at all after a login."""
    user = st.session_state.get("user")
    if user:
        st.markdown(f"By **{plain(user)}**.")
        who = str(user)
    else:
        known = st.session_state.get("_who", "")
        who = str(st.text_input("Your name", value=known, key="who", max_chars=100)).strip()
        st.session_state["_who"] = who
    reason = st.text_area("Reason", key="reason", max_chars=500, height=80)
    return who, str(reason).strip()


def _confirmed(verb: str, *, who: str, reason: str, needs_reason: bool) -> bool:
    """Show the password field where one is set, and the button; return whether to go on."""
    secret = page_cache.environment().dashboard_password
    given = ""
    if secret is not None:
        given = str(st.text_input("Password", type="password", key="password"))
    if not st.button(verb, type="primary", key="confirm"):
        return False
    if needs_reason and not reason:
        st.error("Please give a reason: it is written into the history.")
        return False
    if not who:
        st.error("Please give your name: it is written into the history.")
        return False
    if secret is None or hmac.compare_digest(given.encode(), secret.get_secret_value().encode()):
        return True
    time.sleep(_WRONG_PASSWORD_S)
    st.error("That is not the password.")
    return False
