"""``blemish predict``: images and folders in, masks and answers out."""

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blemish.cli.output import echo
from blemish.errors import BlemishError, ImageError, ModelOutputError
from blemish.exits import DEBUG
from blemish.folder_walk import IMAGE_SUFFIXES, LeftOut, walk_folder
from blemish.terminal_text import printable

if TYPE_CHECKING:
    from blemish.imaging import Limits
    from blemish.inference import Segmenter
    from blemish.prediction import ModelIdentity


@dataclass(frozen=True)
class Input:
    """One image, and the name of its outputs below the output folder, without a suffix."""

    path: Path
    output: Path


@dataclass(frozen=True)
class Job:
    """What is done to every image."""

    model: "ModelIdentity"
    segmenter: "Segmenter"
    threshold: float | None
    limits: "Limits"
    bits: int | None


@click.command()
@click.argument(
    "sources",
    nargs=-1,
    required=True,
    metavar="IMAGE|FOLDER...",
    type=click.Path(path_type=Path, exists=True),
)
@click.option(
    "--model",
    "ref",
    default="champion",
    show_default=True,
    metavar="REF",
    help="Alias, version, or path of an .onnx file.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write mask, heatmap, overlay and answer of each image below this folder.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0.0, 1.0),
    help="Mark every pixel from this probability on; by default the model's own rule: a threshold, "
    "and a peak that a mark must reach somewhere.",
)
@click.option(
    "--bits",
    type=click.IntRange(8, 16),
    help="Depth of the camera, for 16-bit files that declare none, e.g. 12 for Mono12.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list, one answer an image.")
@click.option("--fail-on-defect", is_flag=True, help="Exit with 1 if any image has a defect.")
def predict(
    sources: tuple[Path, ...],
    ref: str,
    out: Path | None,
    threshold: float | None,
    bits: int | None,
    *,
    as_json: bool,
    fail_on_defect: bool,
) -> None:
    """Find defects in images, and in all images below folders.

    Exits with 0 whether or not there are defects, with 1 if any file could not be read.
    """
    unreadable: list[LeftOut] = []
    inputs = collect(sources, out, unreadable)
    if not inputs and not unreadable:
        raise click.UsageError(
            f"No images below {', '.join(map(printable, sources))}; looked for "
            f"{' '.join(sorted(IMAGE_SUFFIXES))}."
        )
    from blemish.config.checkout_params import serve_params
    from blemish.imaging import Limits

    job = Job(*load_model(ref), threshold, Limits.of(serve_params()), bits)
    results = [{"path": folder.file, "error": folder.reason} for folder in unreadable]
    for result in results:
        echo(_line(result), err=True)
    with _progress(len(inputs), shown=not as_json) as advance:
        for item in inputs:
            results.append(_predict_one(item, out, job))
            advance(_line(results[-1]))
            for warning in results[-1].get("warnings", ()):
                echo(f"{printable(item.path)}: {printable(warning)}", err=True)
    if as_json:
        echo(json.dumps(results, indent=2, allow_nan=False))
    failed = sum("error" in result for result in results)
    defective = sum(bool(result.get("defective")) for result in results)
    echo(f"{len(results)} images, {defective} defective, {failed} failed", err=True)
    if failed or (fail_on_defect and defective):
        sys.exit(1)


def collect(
    sources: Sequence[Path], out: Path | None, unreadable: list[LeftOut] | None = None
) -> list[Input]:
    """Find the images, each once, and name their outputs so that no two share one.

    A file lands in the output folder, a folder is mirrored in it; several folders each under
    their own name. Images of one folder that share a stem keep their extension. Links to folders
    are followed, each folder is read once; thumbnails of storage systems are no images.

    Args:
        sources: Files and folders.
        out: The output folder, which is not read.
        unreadable: Takes the folders that cannot be listed.

    Raises:
        click.UsageError: Two images would still write the same files.
    """
    folders = [source for source in sources if source.is_dir()]
    found: dict[Path, Path] = {}
    for source in sources:
        if source.is_dir():
            below = Path(source.resolve().name) if len(folders) > 1 else Path()
            walk = walk_folder(source, out)
            for inside in walk.files:
                if inside.suffix.lower() in IMAGE_SUFFIXES:
                    found.setdefault(source / inside, below / inside)
            if unreadable is not None:
                unreadable += [replace(f, file=str(source / f.file)) for f in walk.unreadable]
        else:
            found.setdefault(source, Path(source.name))
    unique = {path.resolve(): (path, relative) for path, relative in reversed(found.items())}
    chosen = sorted(unique.values(), key=lambda pair: pair[1])
    outputs = _name_outputs([relative for _, relative in chosen])
    taken: dict[Path, Path] = {}
    for (path, _), output in zip(chosen, outputs, strict=True):
        if output in taken:
            raise click.UsageError(
                f"{printable(taken[output])} and {printable(path)} would both write "
                f"{printable(output)}.*; name one of them at a time."
            )
        taken[output] = path
    return [Input(path, output) for output, path in taken.items()]


def _name_outputs(relatives: Sequence[Path]) -> list[Path]:
    """Drop extensions; images that would then share a name keep theirs."""
    names = [relative.with_suffix("") for relative in relatives]
    while True:
        counts = Counter(names)
        better = [
            relative if counts[name] > 1 else name
            for name, relative in zip(names, relatives, strict=True)
        ]
        if better == names:
            return names
        names = better


def load_model(ref: str) -> "tuple[ModelIdentity, Segmenter]":
    """Load a version of the registry, or a file.

    Raises:
        ModelFileError: The file is no model of ours.
        StoreError: The registry does not answer or has no such version.
    """
    return _load_file(Path(ref)) if ref.endswith(".onnx") else _load_version(ref)


def _load_file(path: Path) -> "tuple[ModelIdentity, Segmenter]":
    from blemish.inference import Segmenter
    from blemish.prediction import ModelIdentity

    segmenter = Segmenter.from_file(path)
    card = segmenter.card
    identity = ModelIdentity(
        name=path.name,
        version=None,
        alias=None,
        precision=card.precision,
        fingerprint=card.fingerprint,
        git_commit=None,
    )
    return identity, segmenter


def _load_version(ref: str) -> "tuple[ModelIdentity, Segmenter]":
    from blemish.prediction import ModelIdentity
    from blemish.registry import Registry, load_verified

    registry = Registry.connect()
    version = registry.resolve(ref)
    segmenter = load_verified(registry, version)
    alias = ref if ref in version.aliases else None
    identity = ModelIdentity(
        name="blemish",
        version=version.version,
        alias=alias,
        precision=version.precision,
        fingerprint=version.fingerprint,
        git_commit=version.git_commit,
    )
    return identity, segmenter


def _predict_one(item: Input, out: Path | None, job: Job) -> dict[str, Any]:
    """Return the answer for one image, or its error; write the files where a folder is given."""
    from blemish.answers import answer
    from blemish.prediction import RENDERINGS

    try:
        said = answer(
            item.path.read_bytes(),
            job.segmenter,
            threshold=job.threshold,
            include=RENDERINGS if out else (),
            limits=job.limits,
            bits=job.bits,
        )
        document = said.to_prediction(job.model).model_dump(mode="json")
        if out:
            _write(out / item.output, said.renderings, document)
    except (ImageError, ModelOutputError, OSError) as error:
        return {"path": str(item.path), "error": str(error)}
    except BlemishError:
        raise
    except Exception as error:  # the outermost handler of one file: its folder goes on
        if os.environ.get(DEBUG):
            raise
        unexpected = f"unexpected {type(error).__name__}: {error}; see it by --debug"
        return {"path": str(item.path), "error": unexpected}
    return {"path": str(item.path), **document}


def _write(output: Path, renderings: Any, document: dict[str, Any]) -> None:
    from blemish.files import write_bytes, write_json

    for name, data in renderings.items():
        write_bytes(output.with_name(f"{output.name}.{name}.png"), data)
    write_json(output.with_name(f"{output.name}.json"), document)


def _line(result: dict[str, Any]) -> str:
    """Say in one line what came out for one image."""
    name = printable(result["path"])
    if "error" in result:
        return f"{name}: failed: {printable(result['error'])}"
    if not result["defective"]:
        return f"{name}: no defect"
    count, share = result["defect_count"], result["defect_area_fraction"]
    return f"{name}: {count} defect{'s' if count > 1 else ''}, {share:.3%} of the area"


@contextmanager
def _progress(total: int, *, shown: bool) -> Iterator[Any]:
    """Yield a function that reports one image: on stdout its line, on a terminal a bar below."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=total)

        def advance(line: str) -> None:
            failed = ": failed: " in line
            if shown or failed:
                echo(line, err=failed)
            bar.advance(task)

        yield advance
