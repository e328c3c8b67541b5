"""``blemish sync``: record the outputs of this checkout where their record is missing."""

import json
from dataclasses import asdict

import click

from blemish.cli.output import echo


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def sync(as_json: bool) -> None:  # noqa: FBT001 - click hands flags over by name
    """Record this checkout's outputs in MLflow and the registry; twice is once.

    For outputs that DVC restored instead of running, and for a store that was lost.
    """
    from blemish.config import find_workspace
    from blemish.recording.sync import describe, record_workspace

    report = record_workspace(find_workspace())
    if as_json:
        echo(json.dumps(asdict(report)))
        return
    for line in describe(report):
        echo(line)
