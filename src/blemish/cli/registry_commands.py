"""``blemish models``, ``promote``, ``rollback``, ``history``: the registry on the command line."""

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from blemish.cli.output import add_row, echo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.table import Table

    from blemish.promotion.promotion_workflow import Outcome
    from blemish.promotion.rule import Decision
    from blemish.registry import Move, RecordedHeadline, Registry, Version

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
_DIGITS = 12


@click.command()
@click.argument("ref", required=False)
@_JSON
def models(ref: str | None, as_json: bool) -> None:  # noqa: FBT001 - click hands flags by name
    """List the versions of the registry, or show all about REF (an alias or a number)."""
    registry = _registry()
    if ref is not None:
        version = registry.resolve(ref)
        _show_one(version, registry.headline(version), as_json=as_json)
        return
    versions = registry.versions()
    for fault in registry.faults():
        echo(fault, err=True)
    headlines = _headlines(registry, versions)
    if as_json:
        documents = [_document(version, headlines[version.run_id]) for version in versions]
        echo(json.dumps({"store": registry.location, "versions": documents}))
    elif not versions:
        echo(f"No versions of 'blemish' at {registry.location} yet. Train one: make repro")
    else:
        _print(_versions_table(versions, headlines))


@click.command()
@click.argument("ref")
@click.option("--force", is_flag=True, help="Move it whatever the gate says; needs --reason.")
@click.option("--reason", default="", metavar="TEXT", help="Written into the history.")
@click.option("--dry-run", is_flag=True, help="Ask the gate; move and write nothing.")
@_JSON
def promote(ref: str, force: bool, reason: str, dry_run: bool, as_json: bool) -> None:  # noqa: FBT001 - as above
    """Make REF (an alias or a number) champion, if it passes the gate."""
    from blemish.config import find_workspace, load_params
    from blemish.promotion import promotion_workflow
    from blemish.recording.git import author

    if force and not reason.strip():
        raise click.UsageError("--force needs --reason TEXT: it is written into the history.")
    if dry_run and (force or reason):
        raise click.UsageError("--dry-run moves nothing: it takes neither --force nor --reason.")
    workspace = find_workspace()
    params = load_params(workspace.params_file)
    threads = params.serve.inference_threads
    registry = _registry()
    if dry_run:
        outcome = promotion_workflow.ask_gate(
            registry, ref, params.promote, threads=threads, tell=_tell
        )
    else:
        outcome = promotion_workflow.promote(
            registry,
            ref,
            params.promote,
            who=author(workspace),
            reason=reason,
            force=force,
            threads=threads,
            tell=_tell,
        )
    if as_json:
        echo(json.dumps(outcome.to_document()))
    else:
        _tell_outcome(outcome)
    if outcome.verdict in ("refused", "would refuse"):
        sys.exit(1)


@click.command()
@click.option("--reason", default="", metavar="TEXT", help="Written into the history.")
@_JSON
def rollback(reason: str, as_json: bool) -> None:  # noqa: FBT001 - as above
    """Return to the champion before the present one; twice goes two back."""
    from blemish.config import find_workspace
    from blemish.promotion import rollback as way_back
    from blemish.recording.git import author

    move = way_back.rollback(_registry(), who=author(find_workspace()), reason=reason)
    if as_json:
        echo(json.dumps(asdict(move)))
    else:
        echo(f"Version {move.after} is champion again; it was version {move.before}.")


@click.command()
@_JSON
def history(as_json: bool) -> None:  # noqa: FBT001 - click hands flags by name
    """Say who moved the champion, when, why, from and to; the newest first."""
    registry = _registry()
    moves = registry.history()[::-1]
    for fault in registry.faults():
        echo(fault, err=True)
    if as_json:
        echo(json.dumps([asdict(move) for move in moves]))
    elif not moves:
        echo(f"The champion at {registry.location} has no history yet. Train one: make repro")
    else:
        _print(_history_table(moves))


def _tell(text: str) -> None:
    echo(f"{text} ...", err=True)


def _registry() -> "Registry":
    from blemish.registry import Registry

    return Registry.connect()


def _headlines(
    registry: "Registry", versions: "Sequence[Version]"
) -> "dict[str, RecordedHeadline | None]":
    """Return what Dice is of, by run: both precisions of a run share it."""
    runs = {version.run_id: version for version in versions}
    return {run_id: registry.headline(version) for run_id, version in runs.items()}


def _document(version: "Version", headline: "RecordedHeadline | None") -> dict[str, Any]:
    return version.to_document() | {"headline": headline.to_document() if headline else None}


def _show_one(version: "Version", headline: "RecordedHeadline | None", *, as_json: bool) -> None:
    if as_json:
        echo(json.dumps(_document(version, headline)))
        return
    table = _table("", "", title=f"blemish version {version.version}")
    for key, value in version.to_document().items():
        add_row(table, key, _cell(value))
    add_row(table, "Dice", _say_dice(version, headline))
    if version.clean_marked_share is not None:
        add_row(table, "defect-free images", _say_clean(version, headline))
    _print(table)


def _say_dice(version: "Version", headline: "RecordedHeadline | None") -> str:
    """Say what the Dice of a version is of and how sure it is."""
    value = _number(version.dice, 4)
    if headline is None:
        return f"{value}, of test images that are not recorded"
    said = f"{value}, of {headline.words} ({headline.groups} parts)"
    if version.is_evaluated and headline.dice_interval:
        low, high = headline.dice_interval
        said += f"; 95 %: {low:.4f} to {high:.4f}"
    return said


def _say_clean(version: "Version", headline: "RecordedHeadline | None") -> str:
    """Say how many of the defect-free test images a version marks."""
    of = headline.free_words if headline else "the defect-free test images"
    said = f"a mark on {version.clean_marked_share:.1%} of {of}"
    bound = version.clean_marked_bound
    return said if bound is None else f"{said}; at most {bound:.1%} with 95 % confidence"


def _tell_outcome(outcome: "Outcome") -> None:
    if outcome.decision:
        _print(_gate_table(outcome.decision))
        for note in outcome.decision.notes:
            echo(note, err=True)
    if outcome.obstacle:
        echo(f"The gate could not be asked. {outcome.obstacle}", err=True)
    was = f"version {outcome.champion}" if outcome.champion else "nobody"
    sentences = {
        "unchanged": f"Version {outcome.version} is the champion already.",
        "promoted": f"Version {outcome.version} is champion now; it was {was}.",
        "forced": f"Version {outcome.version} is champion now, forced; it was {was}.",
        "would pass": f"Version {outcome.version} would pass; the champion is still {was}.",
        "would refuse": f"Version {outcome.version} would be refused; the champion is still {was}.",
        "refused": f"Version {outcome.version} was refused; the champion is still {was}. "
        "To move it all the same: blemish promote REF --force --reason TEXT",
    }
    echo(sentences[outcome.verdict], err=outcome.verdict in ("refused", "would refuse"))


def _gate_table(decision: "Decision") -> "Table":
    table = _table("Check", "Value", "Accepted", "")
    for check in decision.checks:
        add_row(
            table,
            check.name,
            f"{check.value:.4g}",
            check.bound,
            "ok" if check.passed else "REFUSED",
        )
    return table


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{key} = {item}" for key, item in sorted(value.items()))
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


def _versions_table(
    versions: "Sequence[Version]", headlines: "Mapping[str, RecordedHeadline | None]"
) -> "Table":
    """Fit what tells versions apart into 80 columns; ``blemish models REF`` has the rest."""
    columns = ("No.", "Aliases", "Kind", "Dice of", "KB", "ms", "SHA-256", "Registered")
    table = _table(*columns)
    for version in versions:
        add_row(
            table,
            str(version.version),
            "\n".join(version.aliases),
            version.precision or "?",
            "\n".join((_number(version.dice, 4), *_sets(version, headlines[version.run_id]))),
            _number(version.size_bytes / 1000 if version.size_bytes else None, 0),
            _number(version.latency_ms, 1),
            version.sha256[:_DIGITS],
            f"{version.created:%Y-%m-%d}",
        )
    return table


def _sets(version: "Version", headline: "RecordedHeadline | None") -> tuple[str, ...]:
    """Return the sets that the Dice of a version is of; none beside no Dice."""
    if version.dice is None:
        return ()
    return headline.sets if headline else ("not recorded",)


def _history_table(moves: "Sequence[Move]") -> "Table":
    table = _table("When (UTC)", "Who", "Why", "From", "To", "Reason")
    for move in moves:
        when = _minute(move.at)
        if move.since:
            when = f"between {_minute(move.since)} and {when}"
        before, after = (str(n) if n is not None else "-" for n in (move.before, move.after))
        add_row(table, when, move.who, move.why, before, after, move.reason)
    return table


def _minute(at: str) -> str:
    return at[:19].replace("T", " ")


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _table(*columns: str, title: str | None = None) -> "Table":
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(title=title, box=SIMPLE, show_header=any(columns), pad_edge=False)
    for column in columns:
        table.add_column(column)
    return table


def _print(table: "Table") -> None:
    from rich.console import Console

    console = Console(markup=False)
    console.print(table)
