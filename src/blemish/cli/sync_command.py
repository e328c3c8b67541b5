"""``blemish sync``: record the outputs of this checkout where their record is missing."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from blemish.cli.output import echo

if TYPE_CHECKING:
    from blemish.recording.sync import SyncReport


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def sync(as_json: bool) -> None:  # noqa: FBT001 - click hands flags over by name
    """Record this checkout's outputs in MLflow and the registry; twice is once.

    For outputs that DVC restored instead of running, and for a store that was lost.
    """
    from blemish.config import find_workspace
    from blemish.recording.sync import record_workspace

    report = record_workspace(find_workspace())
    if as_json:
        echo(json.dumps(asdict(report)))
        return
    for line in describe(report):
        echo(line)


def describe(report: "SyncReport") -> list[str]:
    """Say in a few lines what recording did; the export stage prints them too."""
    named = ", ".join(f"{name} = version {number}" for name, number in report.versions.items())
    if not report.changed:
        return [f"Recorded already at {report.location}: run {report.run_id}, {named}."]
    if report.restored:
        return [f"Put back at {report.location}: {', '.join(report.restored)} ({named})."]
    lines = [f"Recorded at {report.location}: run {report.run_id}, {named}."]
    if report.aliases:
        aliases = ", ".join(f"{name} -> {number}" for name, number in report.aliases.items())
        lines.append(f"Aliases set: {aliases}.")
    if report.not_recovered:
        lines.append(report.not_recovered)
    return lines
