"""``blemish score``: any number of images, on this machine or on a Ray cluster."""

import json
import sys
from typing import TYPE_CHECKING

import click

from blemish.cli.output import echo

if TYPE_CHECKING:
    from blemish.config.monitor import Drift


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option(
    "--out",
    required=True,
    metavar="DIR",
    help="A folder, or the URL of an object store (s3://BUCKET/PREFIX). The same job goes on where "
    "it stopped there.",
)
@click.option(
    "--model",
    "ref",
    default="champion",
    show_default=True,
    metavar="REF",
    help="Alias, version, or path of an .onnx file; resolved once, when the job begins.",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Processes of this machine, or tasks on a Ray cluster.",
)
@click.option(
    "--address",
    metavar="A",
    help="Of the Ray cluster: auto, or HOST:6379. Without it one is started on this machine.",
)
@click.option(
    "--masks",
    type=click.Choice(["none", "defective", "all"]),
    default="defective",
    show_default=True,
    help="Of which images the mask is kept, as COCO's run lengths in a column.",
)
@click.option("--mask-png", is_flag=True, help="Write these masks as PNG files too (0/255).")
@click.option(
    "--bits",
    type=click.IntRange(8, 16),
    help="Depth of the samples of 16-bit images that declare none.",
)
@click.option("--retry-errors", is_flag=True, help="Score images again that failed.")
@click.option(
    "--rescore-changed", is_flag=True, help="Score images again that have changed or vanished."
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most N images, by name.")
@click.option("--strict", is_flag=True, help="Exit with 1 if any image failed.")
@click.option("--json", "as_json", is_flag=True, help="Print summary.json.")
def score(
    *,
    sources: tuple[str, ...],
    out: str,
    ref: str,
    engine: str,
    address: str | None,
    masks: str,
    bits: int | None,
    limit: int | None,
    mask_png: bool,
    retry_errors: bool,
    rescore_changed: bool,
    strict: bool,
    as_json: bool,
) -> None:
    """Score any number of images into Parquet files: one row an image, one row a defect.

    SOURCE is a file, a folder, a glob, a CSV or Parquet manifest with a column 'uri', or a URL such
    as s3://BUCKET/PREFIX. Exits with 0 even where images failed, since their rows say so.
    """
    if address is not None and engine != "ray":
        raise click.UsageError("--address names a Ray cluster; it needs --engine ray.")
    if mask_png and masks == "none":
        raise click.UsageError(
            "--mask-png needs masks; accepted with it: --masks defective or all."
        )
    from blemish.config.checkout_params import serve_params
    from blemish.errors import SourceError
    from blemish.scoring import score_workflow
    from blemish.scoring.score_options import ScoreOptions
    from blemish.scoring.score_summary import write_page

    options = ScoreOptions(
        ref,
        engine,  # type: ignore[arg-type]  # click checked it
        address,
        masks,  # type: ignore[arg-type]  # as above
        mask_png,
        bits,
        retry_errors,
        rescore_changed,
        limit,
        _workers(),
    )
    try:
        summary = score_workflow.score(
            sources, out, options, limits=serve_params(), drift=_load_drift()
        )
    except SourceError as error:
        raise click.UsageError(str(error)) from error
    echo(json.dumps(summary, indent=2) if as_json else write_page(summary).rstrip("\n"))
    if strict and (summary["failed"] or summary["plan"]["unreadable_folders"]):
        sys.exit(1)


def _workers() -> int | None:
    """Return ``BLEMISH_WORKERS`` where it is set; else one process for each usable processor."""
    from blemish.config import settings

    found = settings()
    return found.workers if "workers" in found.model_fields_set else None


def _load_drift() -> "Drift":
    from blemish.config import find_workspace, load_params
    from blemish.config.monitor import Drift
    from blemish.errors import WorkspaceError

    try:
        return load_params(find_workspace().params_file).monitor.drift
    except WorkspaceError:
        return Drift()
