"""The login that every page asks for when the dashboard can be reached beyond loopback."""

import time

import streamlit as st

from blemish.config import settings
from blemish.dashboard.user_file import UserFile, users_path

_WRONG_PASSWORD_S = 1.0  # what a guess costs


def is_let_in() -> bool:
    """Ask for a name and a password where one is needed; return whether to show the page."""
    if not settings().dashboard_login or st.session_state.get("user"):
        return True
    with st.form("login", width=420):
        st.markdown("### Log in")
        name = str(st.text_input("Name", max_chars=100, autocomplete="username"))
        password = str(st.text_input("Password", type="password", autocomplete="current-password"))
        asked = st.form_submit_button("Log in", type="primary")
        st.caption("Users are added on the machine of the dashboard: `blemish users add NAME`.")
    if not asked:
        return False
    if UserFile(users_path(settings())).accepts(name.strip(), password):
        st.session_state["user"] = name.strip()
        st.rerun()
    time.sleep(_WRONG_PASSWORD_S)
    st.error("Name or password is wrong.")
    return False
