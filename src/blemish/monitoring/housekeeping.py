"""What the writer's thread does between batches: alarms every 15 seconds, retention every hour."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from blemish.config.monitor import Monitor
from blemish.monitoring.alarms import CHECK_EVERY, check, claim
from blemish.monitoring.image_store import ImageStore
from blemish.monitoring.retention import prune
from blemish.monitoring.webhook import Webhook

_PRUNE_EVERY = timedelta(hours=1)


class Housekeeper:
    """Give it to :class:`~blemish.monitoring.log_writer.LogWriter`.

    Args:
        monitor: Bounds and times.
        images: Folder of the images.
        webhook: Receives the alarms; None sends them nowhere.
    """

    def __init__(self, monitor: Monitor, images: Path, webhook: Webhook | None = None) -> None:
        self._webhook = webhook
        self._monitor = monitor
        self._images = ImageStore(images)

    def __call__(self, engine: Engine) -> None:
        """Do what is due and no other process has done."""
        now = datetime.now(UTC)
        check(engine, self._monitor, now)
        if self._webhook is not None and claim(engine, "webhook", now, CHECK_EVERY):
            self._webhook.tell(engine, now)
        if claim(engine, "retention", now, _PRUNE_EVERY):
            prune(engine, self._images, self._monitor.keep, now)
