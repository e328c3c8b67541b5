"""Import a set: find, read and check all of a source, then write it in our layout, or nothing."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from blemish.errors import DataError
from blemish.files import canonical_json, sha256_bytes, sha256_file, sha256_tree, write_json
from blemish.image_statistics import ImageStatistics
from blemish.importing.layouts import find_images
from blemish.importing.naming import GroupTable, name_images
from blemish.importing.reading import Choices, ReadImage, ReadJob
from blemish.importing.set_statistics import describe_set
from blemish.importing.sheet import contact_sheet, encode_sheet
from blemish.importing.source import Found, SourceTree
from blemish.parallel import ordered_map
from blemish.sets import FORMAT, Fault, ImageSet, SetWriter, find_duplicates, read_set, refuse

_ADVICE = "Nothing was imported; mend or remove each, then import again."
_GROUPS_FILE = "groups.csv"
_REVISION = 1  # raised when the same files would be imported differently than before

Track = Callable[[Iterator[ReadImage], int], Iterable[ReadImage]]
"""Wraps results to show progress; is given them and how many will come."""


@dataclass(frozen=True)
class Source:
    """What to import, and how to read it."""

    root: Path
    name: str
    layout: str | None = None
    groups: Path | None = None
    choices: Choices = field(default_factory=Choices)


@dataclass(frozen=True)
class _Plan:
    """All that is known of an import before a picture is read."""

    layout: str
    found: Found
    grouping: str
    """Where the groups come from, as a sentence's end."""
    digest: str
    """SHA-256 over names and bytes of all files used and the options: equal for equal imports."""


def import_source(
    source: Source,
    folder: Path,
    *,
    replace: bool = False,
    workers: int = 1,
    track: Track = lambda results, _: results,
) -> tuple[ImageSet, bool]:
    """Import a source into a folder of our layout.

    Args:
        source: What to import; its files are only ever read.
        folder: Where the set goes; appears whole, or not at all.
        replace: Replace a set that was made from something else.
        workers: Number of processes; changes no byte.
        track: Shows progress.

    Returns:
        The set, and whether it was there already, made from the same files in the same way and
        whole; a spoilt one is made anew.

    Raises:
        DataError: The source cannot be used; names every file at fault once.
    """
    plan = _plan(source, _open(source.root, folder))
    existing = _existing(folder, replace=replace)
    same = existing is not None and existing.about.get("source_digest") == plan.digest
    if existing is not None and same and existing.about["content"] == _content(folder):
        return existing, True
    if existing is not None and not (same or replace):
        raise DataError(
            f"{folder.name} exists already and was made from other files or options. "
            "Replace it with --force, or choose another --name."
        )
    _write(source, folder, plan, workers, track)
    return read_set(folder), False


def _existing(folder: Path, *, replace: bool) -> ImageSet | None:
    """Return the set that is there; None where there is none, or only a torn one to be replaced."""
    if not folder.exists():
        return None
    try:
        return read_set(folder)
    except DataError as error:
        if replace:
            return None
        raise DataError(
            f"{folder.name} exists already, but is torn: what it was made from cannot be told. "
            "Make it anew with --force, or choose another --name."
        ) from error


def _open(root: Path, folder: Path) -> SourceTree:
    if not root.is_dir():
        raise DataError(f"{root} is no folder; a folder of pictures and their masks is accepted.")
    inner, outer = sorted([root.resolve(), folder.resolve()], key=lambda p: -len(p.parts))
    if inner.is_relative_to(outer):
        raise DataError(f"{root} and the set's own folder lie in each other; move the source.")
    return SourceTree(root)


def _plan(source: Source, tree: SourceTree) -> _Plan:
    layout, found = find_images(tree, source.layout)
    inside = source.root / _GROUPS_FILE
    path = source.groups or (inside if inside.is_file() else None)
    grouping = "each image is its own group"
    if path is not None:
        table = GroupTable(path.name, _read_text(path))
        grouped, misfits = table.apply(found.images)
        found = Found(grouped, found.faults + misfits)
        grouping = f"groups are those of {path.name}"
    elif any(image.group for image in found.images):
        grouping = f"groups are those of layout {layout}"
    described = Counter(image.file for image in found.images)
    faults = [Fault(str(file), "described twice") for file, n in described.items() if n > 1]
    if not found.images and not found.faults:
        faults.append(Fault(source.root.name, "an empty set: it holds no image"))
    images = tuple({image.file: image for image in found.images}.values())
    found = Found(images, (*found.faults, *faults))
    return _Plan(layout, found, grouping, _digest(source, layout, found, path))


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text; save it as CSV in UTF-8.") from error


def _digest(source: Source, layout: str, found: Found, groups: Path | None) -> str:
    files = sorted({file for image in found.images for file in image.files})
    there = [(str(file), source.root / file) for file in files if (source.root / file).is_file()]
    content = {
        "format": [FORMAT, _REVISION],
        "name": source.name,
        "layout": layout,
        "choices": asdict(source.choices),
        "groups": sha256_file(groups) if groups else None,
        "files": [(name, sha256_file(path)) for name, path in there],
    }
    return sha256_bytes(canonical_json(content))


def _write(source: Source, folder: Path, plan: _Plan, workers: int, track: Track) -> None:
    found = plan.found
    ids = name_images(image.file for image in found.images)
    results = ordered_map(ReadJob(source.root, ids, source.choices), found.images, workers)
    faults = list(found.faults)
    skipped, statistics, identities = [], [], []
    with SetWriter(folder, source.name, plan.layout) as writer:
        for result in track(results, len(found.images)):
            faults += result.faults
            if result.encoded is None:
                skipped.append(str(result.source.file))
                continue
            writer.add_encoded(result.encoded)
            statistics.append(result.statistics)
            identities.append((str(result.source.file), result.encoded.row.group, result.digest))
        refuse([*faults, *find_duplicates(identities)], _ADVICE)
        writer.describe(source_digest=plan.digest, grouping=plan.grouping, skipped=skipped)
        _finish(writer, source, [one for one in statistics if one is not None])


def _finish(writer: SetWriter, source: Source, statistics: list[ImageStatistics]) -> None:
    images = writer.written()
    if not any(row.defective for row in images.rows):
        raise DataError(
            f"{source.root.name} shows no defect at all in {len(images)} images; a set needs some "
            f"to train and test on. {_ADVICE}"
        )
    writer.describe(content=_content(writer.partial))
    writer.add_file("contact_sheet.png", encode_sheet(contact_sheet(images)))
    write_json(writer.partial / "statistics.json", describe_set(images, statistics))


def _content(folder: Path) -> str:
    """Return one SHA-256 over the pictures, masks and indexes of a set."""
    parts = ("images", "masks", "index.csv", "defects.jsonl")
    return sha256_bytes(canonical_json([sha256_tree(folder / part) for part in parts]))


def describe_report(images: ImageSet, *, unchanged: bool) -> dict[str, Any]:
    """Return what an import did, as JSON values for a script."""
    return {
        "name": images.name,
        "layout": images.about["source_layout"],
        "unchanged": unchanged,
        "images": len(images),
        "defective": sum(row.defective for row in images.rows),
        "groups": len({row.group for row in images.rows}),
        "defective_groups": len({row.group for row in images.rows if row.defective}),
        "grouping": images.about["grouping"],
        "classes": list(images.classes),
        "skipped": list(images.about["skipped"]),
    }
