"""``blemish start``: the weights of a version, put where fine-tuning can start from them."""

import json
from pathlib import Path

import click

from blemish.cli.output import echo


@click.command()
@click.argument("ref")
@click.option("--name", required=True, help="Of the start: models/starts/NAME.pt.")
@click.option("--force", is_flag=True, help="Replace a start of that name.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def start(ref: str, name: str, force: bool, as_json: bool) -> None:  # noqa: FBT001 - click hands flags by name
    """Copy the weights of REF (an alias or a number) to models/starts/NAME.pt, tracked by DVC.

    They are checked by SHA-256. Fine-tuning starts from them with
    `dvc exp run -S finetune.start=NAME`.
    """
    from blemish import files
    from blemish.config import find_workspace
    from blemish.finetuning.start_files import SUFFIX, check_name
    from blemish.importing.dvc_tracking import track_with_dvc
    from blemish.registry import Registry

    check_name(name)
    workspace = find_workspace()
    registry = Registry.connect()
    version = registry.resolve(ref)
    data = registry.weights(version)
    target = workspace.path("starts") / f"{name}{SUFFIX}"
    shown = target.relative_to(workspace.root).as_posix()
    _put(target, data, shown, force=force)
    track_with_dvc(workspace.root, target)
    told = {"start": name, "file": shown, "version": version.version}
    if as_json:
        echo(json.dumps({**told, "sha256": files.sha256_bytes(data)}))
        return
    echo(f"{shown} holds the weights of version {version.version}. Commit {shown}.dvc, then:")
    echo(f"  dvc exp run -S finetune.start={name} -S 'preprocess.real_sets=[NAME]'")


def _put(target: Path, data: bytes, shown: str, *, force: bool) -> None:
    from blemish import files
    from blemish.errors import ParamsError

    same = target.is_file() and files.sha256_file(target) == files.sha256_bytes(data)
    if target.exists() and not same and not force:
        raise ParamsError(
            f"{shown} exists already and holds other weights. Replace it with --force, or choose "
            "another --name."
        )
    if not same:
        files.write_bytes(target, data)
