"""The ``blemish`` program: one lazily loaded module for each command group."""

import importlib

import click

from blemish import __version__
from blemish.exits import sentences

COMMANDS = {
    "predict": "blemish.cli.predict:predict",
    "import": "blemish.cli.datasets:import_set",
    "preview": "blemish.cli.preview:preview",
    "promote": "blemish.cli.models:promote",
    "rollback": "blemish.cli.models:rollback",
    "history": "blemish.cli.models:history",
    "models": "blemish.cli.models:models",
    "sync": "blemish.cli.record:sync",
    "keys": "blemish.cli.keys:keys",
    "log": "blemish.cli.log:log",
    "serve": "blemish.cli.serve:serve",
    "dashboard": "blemish.cli.dashboard:dashboard",
    "ui": "blemish.cli.ui:ui",
    "doctor": "blemish.cli.doctor:doctor",
}


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which a newcomer meets them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command; None when there is none of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="blemish")
def program() -> None:
    """Find scratches and other defects on metal surfaces, pixel by pixel."""


def main() -> None:
    """Run the program; an error of ours becomes one sentence on stderr and exit status 1."""
    with sentences("blemish"):
        program(prog_name="blemish")
