"""What the writer's thread does between batches: alarms every 15 seconds, retention every hour."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from blemish.config import find_workspace, load_params
from blemish.config.monitor import Monitor
from blemish.errors import WorkspaceError
from blemish.monitoring.alarms import check, claim
from blemish.monitoring.image_store import ImageStore
from blemish.monitoring.retention import prune

_PRUNE_EVERY = timedelta(hours=1)


class Housekeeper:
    """Give it to :class:`~blemish.monitoring.writer.LogWriter`.

    Args:
        monitor: Bounds and times.
        pictures: Folder of the pictures.
    """

    def __init__(self, monitor: Monitor, pictures: Path) -> None:
        self._monitor = monitor
        self._pictures = ImageStore(pictures)

    def __call__(self, engine: Engine) -> None:
        """Do what is due and nobody else has done."""
        now = datetime.now(UTC)
        check(engine, self._monitor, now)
        if claim(engine, "retention", now, _PRUNE_EVERY):
            prune(engine, self._pictures, self._monitor.keep, now)


def monitor_params() -> Monitor:
    """Return the ``monitor`` block of this checkout; the defaults where there is no checkout.

    Raises:
        ParamsError: ``params.yaml`` holds what is not accepted.
    """
    try:
        return load_params(find_workspace().params_file).monitor
    except WorkspaceError:
        return Monitor()
