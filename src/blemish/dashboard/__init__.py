"""The dashboard: one folder for each page, widgets only; beside them what pages share.

==================  ==============================================================
compare/            the page ``/``
monitor/            the page ``/monitor``
models/             the page ``/models``
data/               the page ``/data``
streamlit_process   starts Streamlit
streamlit_asgi      what it serves: the pages, behind the guard
page_guard          the names the dashboard answers to; no page of others may frame it
streamlit_app       the script behind every page
page_frame          title, navigation
line_status         the strip on every page: champion, served version, alarms
login, user_file    who may see the pages beyond loopback
confirmation        who does something, and why
page_errors         an error becomes a sentence; no traceback reaches a page
page_parts          facts, steps and links, which several pages show alike
page_cache          what is kept between reruns, keyed by content
tested_images       what the Dice of a version was measured on
address_widgets     widgets whose value stands in the address
image_collections   where images come from: the store, a set, uploads
viewer              panes that zoom and move together
==================  ==============================================================
"""
