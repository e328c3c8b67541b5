"""Who does something, and why: asked before anything is written into the registry."""

import hmac
import time

import streamlit as st

from blemish.config import settings
from blemish.dashboard.page_errors import plain

_WRONG_PASSWORD_S = 1.0  # what a guess costs


def ask_author() -> tuple[str, str]:
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


def confirmed(verb: str, *, who: str, reason: str, needs_reason: bool) -> bool:
    """Show the password field where one is set, and the button; return whether to go on."""
    secret = settings().dashboard_password
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
