"""The frame of every page: title, navigation, what is live now."""

import importlib
from collections.abc import Callable

import numpy as np
import streamlit as st
from PIL import Image

from blemish.dashboard import page_errors
from blemish.dashboard.address_widgets import keep_address, restore_address
from blemish.dashboard.line_status import show_strip
from blemish.dashboard.login import is_let_in

_OTHERS = {
    "monitor": ":material/monitoring:",
    "models": ":material/deployed_code:",
    "data": ":material/photo_library:",
}


def show() -> None:
    """Lay out the page that the address names."""
    st.set_page_config(
        page_title="Blemish",
        page_icon=_icon(),
        layout="wide",
        initial_sidebar_state="collapsed",
        menu_items={"Get help": None, "Report a bug": None, "About": "Blemish"},
    )
    page_errors.count_run()
    page = st.navigation(
        [
            st.Page(_page("compare"), title="Compare", icon=":material/compare:", default=True),
            *(
                st.Page(_page(name), title=name.capitalize(), icon=icon, url_path=name)
                for name, icon in _OTHERS.items()
            ),
        ],
        position="top",
    )
    st.html(_STYLE)
    let_in = False
    with page_errors.caught():
        let_in = is_let_in()
    if not let_in:
        return
    show_strip()
    restore_address(page.url_path)
    page.run()
    keep_address()


def _page(name: str) -> Callable[[], None]:
    """Return a page that is imported when it is asked for: the first paint waits for no other."""

    @page_errors.guarded
    def show_page() -> None:
        importlib.import_module(f"blemish.dashboard.{name}.{name}_page").page()

    return show_page


def _icon() -> Image.Image:
    """Draw the icon of the tab, a scratch on a plate; a named one would come from the network."""
    y, x = np.mgrid[0:32, 0:32]
    icon = np.full((32, 32, 3), (38, 50, 66), np.uint8)
    icon[(np.abs(x + y - 31) < 3) & (x > 5) & (x < 27)] = (240, 228, 66)
    return Image.fromarray(icon)


# Streamlit leaves a tall empty band above the first heading.
_STYLE = """<style>
[data-testid="stMainBlockContainer"] {padding: 4.2rem clamp(1rem, 3vw, 3rem) 3rem;}
[data-testid="stStatusWidget"] {display: none;}
[data-testid="stColumn"]:has([data-testid="stMetric"]) {min-width: 11rem;}
[data-testid="stColumn"]:has([data-testid="stImage"]) {min-width: 7.5rem;}
[data-testid="stColumn"]:has(.st-key-steps) {min-width: 16rem;}
/* On a tablet tables take the whole width: a column beside another would cut them off. */
[data-testid="stColumn"]:has(.blemish-decision) {min-width: min(100%, 33rem);}
[data-testid="stColumn"]:has([data-testid="stDataFrame"]) {min-width: min(100%, 24rem);}
/* Streamlit's grey for captions and notes has 4.3:1 on white; people need 4.5:1 (WCAG 1.4.3). */
[data-testid="stCaptionContainer"] {color: inherit !important; opacity: .82 !important;}
[data-testid="stCaptionContainer"] p {color: inherit !important;}
[data-testid="stMetricDelta"], [data-testid="stMetricDelta"] * {color: inherit !important;}
/* White on the dark theme's light blue would have 2.2:1: this blue carries white in both themes. */
[data-testid="stBaseButton-primary"]:not(:disabled) {
  background-color: #0b6bcb !important; border-color: #0b6bcb !important; color: #fff !important;}
/* What is shown stays as it is while a page looks again: a live page must not flicker. */
[data-stale="true"] {opacity: 1 !important; transition: none !important;}
/* A tile opens wherever it is clicked: its button reaches over all of it. */
[class*="st-key-tile-"] {position: relative;}
[class*="st-key-tile-"] [class*="st-key-open-"] button::after {
  content: ""; position: absolute; inset: 0; cursor: pointer;}
[class*="st-key-tile-"] [data-testid="stElementToolbar"] {display: none;}
[class*="st-key-tile-"]:hover, [class*="st-key-tile-"]:focus-within {outline: 2px solid #0b6bcb;}
[class*="st-key-tile-"] .stElementContainer, [class*="st-key-tile-"] .stButton {position: static;}
/* On a phone two tiles stand in a row. */
@media (max-width: 640px) {
  [class*="st-key-tiles-"] > [data-testid="stLayoutWrapper"] {
    flex: 0 0 calc(50% - .5rem) !important; width: calc(50% - .5rem) !important; min-width: 0;}
  [class*="st-key-tiles-"] > [data-testid="stLayoutWrapper"] > * {width: 100% !important;}
}
.blemish-no-image {aspect-ratio: 1; display: grid; place-items: center;}
[data-testid="stMetricValue"] {font-variant-numeric: tabular-nums; font-size: 1.7rem;}
[data-testid="stMetricDelta"] * {white-space: normal;}
</style>"""
