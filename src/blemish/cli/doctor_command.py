"""``blemish doctor``: what is wrong, and the command that fixes it."""

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from blemish.cli.output import echo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from blemish.doctor import Result

_SIGNS = {"ok": "ok     ", "wrong": "WRONG  ", "skipped": "skipped"}

_MARGIN = " " * 9


@click.command()
@click.option("--lock", "only_lock", is_flag=True, help="Look at dvc.lock alone; quick.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(only_lock: bool, as_json: bool) -> None:  # noqa: FBT001 - click hands flags by name
    """Say what is wrong with this installation, checkout, store or registry, and how to fix it.

    Exit status 0 when nothing is, 1 otherwise.
    """
    from blemish.doctor import CHECKS, examine

    results = examine(only=["dvc.lock"] if only_lock else CHECKS)
    wrong = any(result.status == "wrong" for result in results)
    if as_json:
        checks = [asdict(result) for result in results]
        echo(json.dumps({"ok": not wrong, "checks": checks}))
    elif wrong or not only_lock:
        for line in _lines(results):
            echo(line)
    sys.exit(1 if wrong else 0)


def _lines(results: "Sequence[Result]") -> list[str]:
    lines = []
    for result in results:
        note = f"  {result.note}" if result.note else ""
        lines.append(f"{_SIGNS[result.status]}  {result.check}{note}")
        for finding in result.findings:
            lines += [f"{_MARGIN}{line}" for line in finding.problem.splitlines()]
            lines.append(f"{_MARGIN}fix: {finding.fix}")
    return lines
