"""``blemish keys``: who may use the API."""

import json
from typing import TYPE_CHECKING

import click

from blemish.cli.output import echo

if TYPE_CHECKING:
    from blemish.server.api_keys import KeyFile


@click.group()
def keys() -> None:
    """Make, list and revoke API keys; a running server follows at once."""


@keys.command()
@click.argument("name")
@click.option(
    "--requests-per-minute",
    type=click.IntRange(min=0),
    help="Limit of this key; by default the server's, 0 is none.",
)
def add(name: str, requests_per_minute: int | None) -> None:
    """Make a key and print it; only its digest is kept."""
    echo(_file().add(name, requests_per_minute))


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def show(*, as_json: bool) -> None:
    """List the keys, those revoked too."""
    found = _file().read()
    if as_json:
        documents = [key.model_dump(mode="json", exclude={"sha256"}) for key in found]
        echo(json.dumps(documents, indent=2))
        return
    for key in found:
        state = f"revoked {key.revoked:%Y-%m-%d %H:%M}" if key.revoked else "in use"
        echo(f"{key.id}  {key.name}  made {key.created:%Y-%m-%d %H:%M}  {state}")
    if not found:
        echo("No keys. Make one: blemish keys add NAME")


@keys.command()
@click.argument("name")
def revoke(name: str) -> None:
    """Revoke the key of a name or an id."""
    gone = _file().revoke(name)
    echo(f"Revoked {gone.name} ({gone.id}).")


def _file() -> "KeyFile":
    from blemish.config import settings
    from blemish.server.api_keys import KeyFile, keys_path

    return KeyFile(keys_path(settings()))
