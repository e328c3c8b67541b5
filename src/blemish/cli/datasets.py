"""``blemish import``: a real set, in a layout that people have, into ``data/real``."""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from blemish.importing.reading import ReadImage
_LEAST_GROUPS = 3
_FEW_GROUPS = "Fewer than three groups show a defect: train, val and test will want one each."


class _Layout(click.ParamType[str]):
    """The name of a row in the table of importers, read only when it is needed."""

    name = "layout"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Return the names, for ``--help``."""
        del param, ctx
        return f"[{'|'.join(self._names())}]"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return a name that the table has."""
        if value not in self._names():
            self.fail(f"{value!r}; accepted: {', '.join(self._names())}", param, ctx)
        return value

    def _names(self) -> tuple[str, ...]:
        from blemish.importing.layouts import LAYOUTS

        return tuple(LAYOUTS)


def _check_name(_context: click.Context, _parameter: click.Parameter, name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise click.BadParameter(f"{name!r}; accepted: letters, digits, . _ - after the first")
    return name


@click.command("import")
@click.argument("source", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--name", required=True, callback=_check_name, help="What to call the set.")
@click.option("--layout", type=_Layout(), help="How SOURCE is laid out; else it is detected.")
@click.option(
    "--groups",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="CSV of image,group[,class]: images of one physical part share a group. Else a "
    "groups.csv in SOURCE, what the layout says, or each image by itself.",
)
@click.option("--class", "class_name", help="The class of every defect, whatever folders say.")
@click.option("--soft-masks", is_flag=True, help="Cut masks in colour or shades of grey above 127.")
@click.option(
    "--empty-masks",
    type=click.Choice(["refuse", "free", "skip"]),
    default="refuse",
    show_default=True,
    help="What to make of an empty mask where the folder promises a defect.",
)
@click.option("--unmasked-free", is_flag=True, help="Take pictures without a mask for free ones.")
@click.option("--force", is_flag=True, help="Replace a set of this name made from other files.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def import_set(
    source: Path, name: str, groups: Path | None, *, force: bool, as_json: bool, **how: Any
) -> None:
    """Import the pictures and masks of SOURCE as data/real/NAME, tracked by DVC.

    SOURCE is only read. When any file of it cannot be used, all such files are named and nothing
    is imported.
    """
    from blemish.config import find_workspace, settings
    from blemish.importing.dvc_tracking import pointer, track_with_dvc
    from blemish.importing.importer import Source, describe_report, import_source
    from blemish.importing.reading import Choices
    from blemish.progress import track

    def show(results: Iterator["ReadImage"], total: int) -> Iterable["ReadImage"]:
        return track(results, total, "Importing")

    workspace = find_workspace()
    folder = workspace.path("real") / name
    layout = how.pop("layout")
    with _only_one(workspace.state / f"import-{name}.lock", name):
        images, unchanged = import_source(
            Source(source, name, layout, groups, Choices(**how)),
            folder,
            replace=force,
            workers=settings().workers,
            track=show,
        )
        if not (unchanged and pointer(folder).exists()):
            track_with_dvc(workspace.root, folder)
    report = describe_report(images, unchanged=unchanged)
    shown = folder.relative_to(workspace.root).as_posix()
    report |= {"folder": shown, "tracked_by": f"{shown}.dvc"}
    click.echo(json.dumps(report, indent=2) if as_json else _tell(report))


@contextmanager
def _only_one(path: Path, name: str) -> Iterator[None]:
    """Hold the lock of an import of this name, or say that another has it."""
    from filelock import FileLock, Timeout

    from blemish.errors import DataError

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise DataError(f"Another import of {name} is running; wait for it to end.") from error
    try:
        yield
    finally:
        lock.release()


def _tell(report: dict[str, Any]) -> str:
    """Say what was done and what comes next."""
    if report["unchanged"]:
        return f"Unchanged: {report['folder']} was made from these files; nothing written."
    name, folder = report["name"], report["folder"]
    classes = ", ".join(report["classes"])
    ignored = f"{Path(folder).parent.as_posix()}/.gitignore"
    counts = f"{report['images']} images, {report['groups']} groups, {report['defective']} images"
    lines = [
        f"Layout {report['layout']} (another: --layout); {report['grouping']}.",
        f"{counts} with defects: {classes}.",
        *(f"Skipped, its mask being empty: {file}" for file in report["skipped"]),
        *([_FEW_GROUPS] if report["defective_groups"] < _LEAST_GROUPS else []),
        f"Look at it: {folder}/contact_sheet.png",
        f"Keep it: git add {folder}.dvc {ignored} && git commit -m 'Import {name}'",
        f"Use it: preprocess.real_sets: [{name}] in params.yaml, then: dvc repro",
    ]
    return "\n".join(lines)
