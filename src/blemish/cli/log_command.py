"""``blemish log``: the prediction log, pruned and exported."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from blemish.cli.output import echo

_TIMES = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


@click.group()
def log() -> None:
    """Prune or export the log of predictions."""


@log.command()
@click.option("--days", type=click.FloatRange(min=0), help="Keep this many days instead.")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
def prune(days: float | None, *, as_json: bool) -> None:
    """Delete predictions and images that are older than params.yaml keeps."""
    from blemish.config import find_workspace, load_params, settings
    from blemish.monitoring import retention
    from blemish.monitoring.database import images_folder, log_url, open_database
    from blemish.monitoring.image_store import ImageStore

    keep = load_params(find_workspace().params_file).monitor.keep
    if days is not None:
        keep = keep.model_copy(update={"days": days, "image_days": min(days, keep.image_days)})
    environment = settings()
    images = ImageStore(images_folder(environment))
    engine = open_database(log_url(environment))
    gone = retention.prune(engine, images, keep, datetime.now(UTC))
    engine.dispose()
    if as_json:
        echo(json.dumps(asdict(gone)))
        return
    echo(
        f"Deleted {gone.predictions} predictions and {gone.images} images "
        f"({gone.image_bytes / 1e6:.1f} MB)."
    )


@log.command()
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--since", type=_TIMES, help="First moment, UTC.")
@click.option("--until", type=_TIMES, help="Moment after the last, UTC.")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
def export(target: Path, since: datetime | None, until: datetime | None, *, as_json: bool) -> None:
    """Write predictions to the Parquet file TARGET."""
    from blemish.config import settings
    from blemish.monitoring import parquet
    from blemish.monitoring.database import log_url, open_database

    engine = open_database(log_url(settings()))
    rows = parquet.export(engine, target, since=_utc(since), until=_utc(until))
    engine.dispose()
    if as_json:
        echo(json.dumps({"predictions": rows, "file": str(target)}))
        return
    echo(f"Wrote {rows} predictions to {target}.")


def _utc(time: datetime | None) -> datetime | None:
    return None if time is None else time.replace(tzinfo=UTC)
