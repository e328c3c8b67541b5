"""What every command prints by: text of others cannot control the terminal."""

from typing import TYPE_CHECKING

import click

from blemish.terminal_text import printable_lines

if TYPE_CHECKING:
    from rich.table import Table


def echo(text: str = "", *, err: bool = False) -> None:
    """Print lines, to standard output or to standard error."""
    click.echo(printable_lines(text), err=err)  # noqa: TID251 - the one place


def add_row(table: "Table", *cells: str) -> None:
    """Add a row to a table."""
    table.add_row(*map(printable_lines, cells))
