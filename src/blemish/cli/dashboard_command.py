"""``blemish dashboard``: the pages where a person compares, watches and decides."""

import os

import click

from blemish.cli.output import echo
from blemish.config.addresses import is_loopback


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to bind.")
@click.option("--port", default=8501, show_default=True, type=click.IntRange(1, 65535))
@click.option(
    "--allowed-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    help="A name, beside its address and loopback, by which browsers call it; repeatable.",
)
@click.option("--read-only", is_flag=True, help="Show models but move none.")
def dashboard(host: str, port: int, allowed_hosts: tuple[str, ...], *, read_only: bool) -> None:
    """Open the dashboard: Compare, Monitor, Models, Data.

    Beyond loopback every page asks for a login, so there must be a user: blemish users add NAME.
    """
    from blemish.dashboard.streamlit_process import start

    if not is_loopback(host):
        _require_login(host)

    if allowed_hosts:
        os.environ["BLEMISH_DASHBOARD_HOSTS"] = ",".join(allowed_hosts)
    if read_only:
        os.environ["BLEMISH_DASHBOARD_READ_ONLY"] = "1"
    echo(f"The dashboard opens at http://{host}:{port}", err=True)
    start(host, port)


def _require_login(host: str) -> None:
    """Have every page ask for a login, and refuse to start while nobody could give one."""
    from blemish.config import settings
    from blemish.dashboard.user_file import UserFile, users_path
    from blemish.errors import ServiceError

    if not UserFile(users_path(settings())).names():
        raise ServiceError(
            f"Beyond loopback the dashboard asks for a login, and there is no user, so it does not "
            f"bind to {host}. Add one: blemish users add NAME"
        )
    os.environ["BLEMISH_DASHBOARD_LOGIN"] = "1"
