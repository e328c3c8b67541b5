"""The ``serve`` block where there is a checkout, its defaults where there is none."""

from blemish.config.params import load_params
from blemish.config.serve import Serve
from blemish.config.workspace import find_workspace
from blemish.errors import WorkspaceError


def load_serve() -> Serve:
    """Read the ``serve`` block of the checkout around the working directory.

    Raises:
        ParamsError: Its ``params.yaml`` holds what is not accepted.
    """
    try:
        workspace = find_workspace()
    except WorkspaceError:
        return Serve()
    return load_params(workspace.params_file).serve
