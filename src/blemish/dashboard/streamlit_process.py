"""Starts Streamlit in this process, after loading what its first page needs."""

import importlib
from pathlib import Path

from blemish.memory import limit_arenas

# Pages themselves are not among them: what they cache wants Streamlit to run already.
_HEAVY = (
    "altair",
    "pandas",
    "blemish.inference",
    "blemish.metrics",
    "blemish.monitoring.alarms",
    "blemish.promotion.promotion_workflow",
)


def start(host: str, port: int) -> None:
    """Serve the dashboard until a signal ends it; the first visitor waits for no import."""
    from streamlit.web import cli  # noqa: PLC0415 - a second, and only this needs it

    limit_arenas()  # Streamlit runs each rerun in a thread of its own

    for name in _HEAVY:
        importlib.import_module(name)
    _connect()
    app = Path(__file__).parent / "streamlit_asgi.py"
    options = ["--server.address", host, "--server.port", str(port)]
    cli.main(["run", str(app), *options], prog_name="blemish dashboard", standalone_mode=False)


def _connect() -> None:
    """Load the store's client too; a store that is down keeps the dashboard not from opening."""
    from blemish.errors import BlemishError  # noqa: PLC0415 - see start
    from blemish.registry import Registry  # noqa: PLC0415 - see start

    try:
        Registry.connect().versions()
    except BlemishError:
        return
