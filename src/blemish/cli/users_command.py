"""``blemish users``: who may log in to the dashboard."""

from typing import TYPE_CHECKING

import click

from blemish.cli.output import echo

if TYPE_CHECKING:
    from blemish.dashboard.user_file import UserFile


@click.group()
def users() -> None:
    """Add, list and remove people who may log in to the dashboard."""


@users.command()
@click.argument("name")
@click.password_option(help="Asked for where it is not given.")
def add(name: str, password: str) -> None:
    """Add a person, or give them another password; only its hash is kept."""
    _file().add(name, password)
    echo(f"{name} may log in to the dashboard.")


@users.command("list")
def show() -> None:
    """List the names."""
    names = _file().names()
    echo("\n".join(names) if names else "No users. Add one: blemish users add NAME")


@users.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove a person; sessions that are open end with their browser's tab."""
    _file().remove(name)
    echo(f"{name} may not log in any more.")


def _file() -> "UserFile":
    from blemish.config import settings
    from blemish.dashboard.user_file import UserFile, users_path

    return UserFile(users_path(settings()))
