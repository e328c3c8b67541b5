"""``blemish import``: a real set, in a layout that people have, into ``data/real``."""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blemish.cli.output import echo

if TYPE_CHECKING:
    from blemish.importing.reading import ReadImage

_LABELLED_ONLY = ("layout", "class_name", "soft_masks", "defect_values", "large_defects")
"""Options that say how labels are read; clean photographs have none."""


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
    from blemish.sets import SYNTHETIC

    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise click.BadParameter(f"{name!r}; accepted: letters, digits, . _ - after the first")
    if name == SYNTHETIC:
        raise click.BadParameter(f"{name!r} is the set that the generator draws; choose another")
    if not _is_text_in_yaml(name):
        raise click.BadParameter(
            f"{name!r} is no text in params.yaml but a number, a date or a truth value; choose "
            f"another, such as set-{name}"
        )
    return name


def _is_text_in_yaml(name: str) -> bool:
    """Say whether YAML 1.1 (Hydra, behind ``dvc exp run -S``) and 1.2 (DVC) read text."""
    import yaml
    from ruamel.yaml import YAML

    return {type(yaml.safe_load(name)), type(YAML(typ="safe", pure=True).load(name))} == {str}


def _parse_values(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> tuple[int, ...]:
    try:
        values = tuple(sorted({int(word) for word in (text or "").split(",") if word.strip()}))
    except ValueError as error:
        raise click.BadParameter(f"{text!r}; accepted: whole numbers such as 1,2") from error
    if text and (not values or not all(0 <= value <= 65535 for value in values)):
        raise click.BadParameter(f"{text!r}; accepted: whole numbers from 0 to 65535, such as 1,2")
    return values


@click.command("import")
@click.argument("source", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--name", required=True, callback=_check_name, help="What to call the set.")
@click.option(
    "--clean",
    is_flag=True,
    help="Every image below SOURCE is a defect-free photograph; there are no masks.",
)
@click.option(
    "--roi",
    "region",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="MASK",
    help="Region of interest of all images: an image of their size, white where the part is, black "
    "elsewhere; edges may be soft.",
)
@click.option("--layout", type=_Layout(), help="How SOURCE is laid out; else it is detected.")
@click.option(
    "--groups",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="CSV of image,group[,class]: images of one physical part share a group. Else a "
    "groups.csv in SOURCE, what the layout says, or each image by itself.",
)
@click.option("--join-duplicates", is_flag=True, help="Give exact duplicates one group.")
@click.option("--class", "class_name", help="The class of every defect, whatever folders say.")
@click.option("--soft-masks", is_flag=True, help="Cut masks in colour or shades of grey above 127.")
@click.option(
    "--defect-values",
    callback=_parse_values,
    metavar="V[,V...]",
    help="Values of mask files that mark a defect (of palette masks: indices); else the one "
    "beside 0.",
)
@click.option(
    "--large-defects", is_flag=True, help="Masks that mark most of an image are not inverted."
)
@click.option(
    "--empty-masks",
    type=click.Choice(["refuse", "free", "skip"]),
    default="refuse",
    show_default=True,
    help="What to make of an empty mask where the folder promises a defect.",
)
@click.option("--unmasked-free", is_flag=True, help="Images without a mask are defect-free.")
@click.option("--unmasked-skip", is_flag=True, help="Leave images without a mask out.")
@click.option(
    "--exif",
    type=click.Choice(["refuse", "shown", "stored"]),
    default="refuse",
    show_default=True,
    help="Which image was marked, where EXIF turns it and sizes do not tell: as viewers show it, "
    "or as stored.",
)
@click.option(
    "--bits",
    type=click.IntRange(8, 16),
    help="Depth of the camera, for 16-bit files that declare none, e.g. 12 for Mono12.",
)
@click.option("--force", is_flag=True, help="Replace a set of this name made from other files.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def import_set(
    source: Path,
    name: str,
    groups: Path | None,
    region: Path | None,
    *,
    clean: bool,
    join_duplicates: bool,
    force: bool,
    as_json: bool,
    **how: Any,
) -> None:
    """Import the images and masks of SOURCE as data/real/NAME, tracked by DVC.

    SOURCE is only read. When any file of it cannot be used, all such files are named and nothing
    is imported. A report says at the end what was taken, what was left out and why.
    """
    from blemish.config import find_workspace, settings
    from blemish.config.checkout_params import serve_params
    from blemish.imaging import Limits
    from blemish.importing.choices import Choices
    from blemish.importing.dvc_tracking import pointer, track_with_dvc
    from blemish.importing.import_plan import Source
    from blemish.importing.importer import describe_import, import_source
    from blemish.progress import track

    _check_options(how, clean=clean)

    def show(results: Iterator["ReadImage"], total: int) -> Iterable["ReadImage"]:
        return track(results, total, "Importing")

    workspace = find_workspace()
    folder = workspace.path("real") / name
    asked = Source(
        source,
        name,
        how.pop("layout"),
        groups,
        Choices(**how),
        clean=clean,
        region=region,
        join_duplicates=join_duplicates,
        limits=Limits.of(serve_params()),
    )
    with _only_one(workspace.state / f"import-{name}.lock", name):
        images, unchanged = import_source(
            asked, folder, replace=force, workers=settings().workers, track=show
        )
        if not (unchanged and pointer(folder).exists()):
            track_with_dvc(workspace.root, folder)
    report = describe_import(images, unchanged=unchanged)
    shown = folder.relative_to(workspace.root).as_posix()
    report |= {"folder": shown, "tracked_by": f"{shown}.dvc"}
    echo(json.dumps(report, indent=2) if as_json else "\n".join(_tell(report)))


def _check_options(how: dict[str, Any], *, clean: bool) -> None:
    """Refuse options that contradict each other."""
    if how["unmasked_free"] and how["unmasked_skip"]:
        raise click.UsageError("--unmasked-free and --unmasked-skip contradict each other.")
    given = [option for option in _LABELLED_ONLY if how[option]]
    if clean and given:
        names = ", ".join(
            f"--{'class' if o == 'class_name' else o}".replace("_", "-") for o in given
        )
        raise click.UsageError(f"{names} say how labels are read; --clean declares that none are.")


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


def _tell(report: dict[str, Any]) -> Iterator[str]:
    """Say what was done and what comes next."""
    from blemish.importing.report import tell_report

    name, folder = report["name"], report["folder"]
    if report["unchanged"]:
        yield f"Unchanged: {folder} was made from these files; nothing written."
        return
    yield f"Layout {report['layout']} (another: --layout); {report['grouping']}."
    yield from tell_report(report)
    classes = f" ({', '.join(report['classes'])})" if report["classes"] else ""
    counts = f"{report['images']} images, {report['groups']} groups, {report['clean']} clean"
    yield f"{counts}, {report['defective']} with defects{classes}."
    yield f"Look at it: {folder}/contact_sheet.png"
    ignored = f"{Path(folder).parent.as_posix()}/.gitignore"
    yield f"Keep it: git add {folder}.dvc {ignored} && git commit -m 'Import {name}'"
    yield f"Use it: preprocess.real_sets: [{name}] in params.yaml, then: dvc repro"
