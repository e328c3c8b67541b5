"""The edge of every page: an error becomes a sentence, and the page comes back by itself."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec

import streamlit as st
import structlog

from blemish.errors import BlemishError, NotFoundError, ServiceError, StoreUnreachableError

P = ParamSpec("P")

_RETRY_S = 3.0
_MARKUP = frozenset("\\`*_{}[]()<>#+-.!|~$:&")
_log = structlog.get_logger(__name__)


@contextmanager
def caught(*, again: bool = True) -> Iterator[None]:
    """Show whatever goes wrong inside as a message, and look again every three seconds.

    Streamlit's own signals (rerun, stop) are no ``Exception`` and pass.

    Args:
        again: Whether to look again; a dialog must not, since that closes it.
    """
    try:
        yield
    except BlemishError as error:
        _show_trouble(_title(error), str(error), again=again)
    except Exception as error:  # noqa: BLE001 - the edge: no traceback may reach a page
        reference = uuid.uuid4().hex[:8]
        _log.exception("page_failed", reference=reference, kind=type(error).__name__)
        _show_trouble(
            "Something went wrong on this page",
            f"The dashboard's log has the details under {reference}.",
            again=again,
        )


def guarded(function: Callable[P, None]) -> Callable[P, None]:
    """Wrap a page or a fragment in :func:`caught`; fragments rerun outside their page's edge."""

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        with caught():
            function(*args, **kwargs)

    return wrapper


def plain(text: object) -> str:
    """Return a text that Markdown shows letter by letter: no link, image, colour or maths.

    Addresses become links even where their letters are escaped, so a word joiner, which has no
    width, parts them.
    """
    parted = str(text).replace("\n", " ")
    for sign in ("://", "www.", "@"):
        parted = parted.replace(sign, f"{sign[:-1]}\u2060{sign[-1]}")
    return "".join(f"\\{char}" if char in _MARKUP else char for char in parted)


def _title(error: BlemishError) -> str:
    if isinstance(error, StoreUnreachableError):
        return "The model registry does not answer"
    if isinstance(error, NotFoundError):
        return "Not in the registry"
    if isinstance(error, ServiceError):
        return "A service does not answer"
    return "This cannot be shown"


def _show_trouble(title: str, sentence: str, *, again: bool) -> None:
    with st.container(border=True, key=f"trouble-{uuid.uuid4().hex}"):
        st.markdown(f"#### :material/cloud_off: {plain(title)}")
        st.text(sentence)
        if again:
            _look_again()


@st.fragment(run_every=_RETRY_S)
def _look_again() -> None:
    """Rerun the page on every tick but the first, which is part of the run that failed."""
    st.caption(":material/autorenew: Looking again every few seconds.")
    if st.session_state.get("_failed_run") == run_number():
        st.rerun(scope="app")
    st.session_state["_failed_run"] = run_number()


def run_number() -> int:
    """Count the runs of the whole page in this session; fragments do not add to it."""
    return int(st.session_state.get("_runs", 0))


def count_run() -> None:
    """Note that the whole page runs; called once at its top."""
    st.session_state["_runs"] = run_number() + 1
