"""``blemish ui``: the MLflow UI on the store that everything else here uses."""

import click


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to bind.")
@click.option("--port", default=5000, show_default=True, help="Port to bind.")
@click.option(
    "--allowed-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    help="A name, beside loopback, by which browsers call it; repeatable.",
)
def ui(host: str, port: int, allowed_hosts: tuple[str, ...]) -> None:
    """Open the MLflow UI on the embedded store."""
    from blemish.store.mlflow_ui import exec_ui

    exec_ui(host, port, allowed_hosts)
