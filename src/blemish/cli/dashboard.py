"""``blemish dashboard``: the pages where a person compares, watches and decides."""

import os

import click


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to bind.")
@click.option("--port", default=8501, show_default=True, type=click.IntRange(1, 65535))
@click.option("--read-only", is_flag=True, help="Show models but move none.")
def dashboard(host: str, port: int, *, read_only: bool) -> None:
    """Open the dashboard: Compare, Monitor, Models, Data."""
    from blemish.dashboard.start import start

    if read_only:
        os.environ["BLEMISH_DASHBOARD_READ_ONLY"] = "1"
    click.echo(f"The dashboard opens at http://{host}:{port}", err=True)
    start(host, port)
