"""Promote and roll back, by the function that the command line calls, for whoever may."""

import hmac
import time

import streamlit as st

from blemish.config import find_workspace, load_params
from blemish.dashboard import page_cache
from blemish.dashboard.models.version_details import show_checks
from blemish.dashboard.page_errors import caught, plain
from blemish.errors import BlemishError
from blemish.promotion.rollback import rollback
from blemish.promotion.workflow import Outcome, promote
from blemish.recording.git import author
from blemish.registry import Version
from blemish.store.names import CHAMPION

_WRONG_PASSWORD_S = 1.0  # what a guess costs


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
        if st.button("Roll back", icon=":material/undo:", key="rollback"):
            _rollback()
        if is_champion:
            st.caption("This version is the champion already.")


def show_news() -> None:
    """Show, once, what the last move did."""
    news = st.session_state.pop("_news", None)
    if news:
        st.success(news, icon=":material/check_circle:")


@st.dialog("Promote", width="large")
def _promotion(version: Version) -> None:
    with caught(again=False):
        st.markdown(
            f"Version **{version.version}** is to become champion. The gate compares it with the "
            "present one on the same test images, and measures latency here and now."
        )
        who, reason = _ask_who()
        force = st.checkbox(
            "Move it even if the gate refuses; needs a reason, and is recorded as forced",
            key="force",
        )
        if not _confirmed("Promote", reason=reason, needs_reason=force):
            return
        rule = load_params(find_workspace().params_file).promote
        with st.status("Asking the gate ...") as status:
            outcome = promote(
                page_cache.registry(),
                str(version.version),
                rule,
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
        st.session_state["_news"] = f"Version {outcome.version} is champion now{how}."
        st.rerun()
    if outcome.verdict == "unchanged":
        st.info("It is the champion already.")
        return
    st.error(f"Refused: the champion is still version {outcome.champion}.", icon=":material/block:")
    if outcome.obstacle:
        st.text(f"The gate could not be asked. {outcome.obstacle}")
    if outcome.decision:
        names = ", ".join(check.name for check in outcome.decision.failed)
        st.markdown(f"What failed: {plain(names)}")
        show_checks(outcome.decision)


@st.dialog("Roll back")
def _rollback() -> None:
    with caught(again=False):
        st.markdown("The champion before the present one becomes champion again.")
        who, reason = _ask_who()
        if not _confirmed("Roll back", reason=reason, needs_reason=True):
            return
        move = rollback(page_cache.registry(), who=who, reason=reason)
        page_cache.forget_versions()
        st.session_state["_news"] = (
            f"Version {move.after} is champion again; it was version {move.before}."
        )
        st.rerun()


def _ask_who() -> tuple[str, str]:
    who = st.text_input("Your name", value=_default_author(), key="who", max_chars=100)
    reason = st.text_area("Reason", key="reason", max_chars=500, height=80)
    return str(who).strip(), str(reason).strip()


def _confirmed(verb: str, *, reason: str, needs_reason: bool) -> bool:
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
    if not st.session_state.get("who", "").strip():
        st.error("Please give your name: it is written into the history.")
        return False
    if secret is None or hmac.compare_digest(given.encode(), secret.get_secret_value().encode()):
        return True
    time.sleep(_WRONG_PASSWORD_S)
    st.error("That is not the password.")
    return False


def _default_author() -> str:
    try:
        return author(find_workspace())
    except BlemishError:
        return ""
