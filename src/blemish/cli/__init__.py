"""The ``blemish`` program: one lazily loaded module for each command group."""

import importlib
import os
import sys

import click

from blemish import __version__
from blemish.exits import DEBUG, sentences

COMMANDS = {
    "predict": "blemish.cli.predict_command:predict",
    "score": "blemish.cli.score_command:score",
    "import": "blemish.cli.import_command:import_set",
    "suggest": "blemish.cli.suggest_command:suggest",
    "preview": "blemish.cli.preview_command:preview",
    "start": "blemish.cli.start_command:start",
    "promote": "blemish.cli.registry_commands:promote",
    "rollback": "blemish.cli.registry_commands:rollback",
    "history": "blemish.cli.registry_commands:history",
    "models": "blemish.cli.registry_commands:models",
    "sync": "blemish.cli.sync_command:sync",
    "keys": "blemish.cli.keys_command:keys",
    "users": "blemish.cli.users_command:users",
    "log": "blemish.cli.log_command:log",
    "serve": "blemish.cli.serve_command:serve",
    "dashboard": "blemish.cli.dashboard_command:dashboard",
    "ui": "blemish.cli.ui_command:ui",
    "doctor": "blemish.cli.doctor_command:doctor",
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
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
def program() -> None:
    """Find scratches and other defects on metal surfaces, pixel by pixel."""


def main() -> None:
    """Run the program; any error becomes one sentence on stderr and exit status 1."""
    arguments = _take_debug(sys.argv[1:])
    with sentences("blemish"):
        program(arguments, prog_name="blemish")


def _take_debug(arguments: list[str]) -> list[str]:
    """Take ``--debug`` from wherever it stands before ``--`` and remember it."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    if "--debug" in arguments[:end]:
        os.environ[DEBUG] = "1"
    return [word for word in arguments[:end] if word != "--debug"] + arguments[end:]
