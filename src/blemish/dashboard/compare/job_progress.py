"""How far a job in the background is; the page comes anew at its end."""

import streamlit as st

from blemish.dashboard.compare.background_job import BackgroundJob
from blemish.dashboard.page_errors import guarded, run_number

_POLL_S = 1.0


@guarded
def follow(job: BackgroundJob, who: str) -> None:
    """While a job runs, show how far it is; say why it stopped, if it did.

    Args:
        job: The job.
        who: Who looks at the images, as in "Both versions have".
    """
    if not job.done:
        _watch(job, who, run_number())
    elif job.error is not None:
        raise job.error


@st.fragment(run_every=_POLL_S)
def _watch(job: BackgroundJob, who: str, run: int) -> None:
    """Show the progress, and the page anew at the end.

    Only a tick of its own asks for the page: the run that draws the page must not interrupt itself.
    """
    share = min(1.0, job.seen / max(job.total, 1))
    st.progress(share, text=f"{who} seen {job.seen:,} of {job.total:,} images.")
    if job.done and st.session_state.get(f"_watched {who}") == run:
        st.rerun(scope="app")
    st.session_state[f"_watched {who}"] = run
