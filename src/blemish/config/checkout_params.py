"""The blocks of ``params.yaml`` that also hold where there is no checkout, by their defaults."""

from blemish.config.monitor import Monitor
from blemish.config.params import Params, load_params
from blemish.config.serve import Serve
from blemish.config.workspace import find_workspace
from blemish.errors import WorkspaceError


def serve_params() -> Serve:
    """Return the ``serve`` block of the checkout around the working directory, or its defaults.

    Raises:
        ParamsError: ``params.yaml`` holds what is not accepted.
    """
    params = _params()
    return params.serve if params else Serve()


def monitor_params() -> Monitor:
    """Return the ``monitor`` block of the checkout around the working directory, or its defaults.

    Raises:
        ParamsError: ``params.yaml`` holds what is not accepted.
    """
    params = _params()
    return params.monitor if params else Monitor()


def _params() -> Params | None:
    try:
        workspace = find_workspace()
    except WorkspaceError:
        return None
    return load_params(workspace.params_file)
