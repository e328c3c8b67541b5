"""The limits and times by which the log is watched and kept."""

from blemish.config import find_workspace, load_params
from blemish.config.monitor import Monitor
from blemish.errors import WorkspaceError


def monitor_params() -> Monitor:
    """Return the ``monitor`` block of this checkout; the defaults where there is no checkout.

    Raises:
        ParamsError: ``params.yaml`` holds what is not accepted.
    """
    try:
        return load_params(find_workspace().params_file).monitor
    except WorkspaceError:
        return Monitor()
