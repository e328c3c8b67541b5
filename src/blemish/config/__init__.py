"""``params.yaml`` as frozen models, the environment as settings, and where things lie."""

from blemish.config.environment import Settings, settings
from blemish.config.params import Params, load_params
from blemish.config.workspace import Workspace, find_workspace

__all__ = ["Params", "Settings", "Workspace", "find_workspace", "load_params", "settings"]
