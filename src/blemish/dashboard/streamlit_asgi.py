"""What ``streamlit run`` serves: the pages, behind the guard."""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from blemish.dashboard.page_guard import PageGuard

app = st.App(Path(__file__).with_name("streamlit_app.py"), middleware=[Middleware(PageGuard)])
