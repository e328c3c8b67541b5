"""Import a set: find, read and check all of a source, then write it in our layout, or nothing."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from blemish.errors import DataError
from blemish.files import canonical_json, sha256_bytes, sha256_tree, write_json
from blemish.importing.import_checks import ImportOutcome, check_all
from blemish.importing.import_plan import ImportPlan, Source, open_source, plan_import
from blemish.importing.naming import name_images
from blemish.importing.reading import ReadImage, ReadJob
from blemish.importing.report import ImportReport
from blemish.importing.set_statistics import describe_set
from blemish.importing.sheet import contact_sheet, encode_sheet
from blemish.parallel import ordered_map
from blemish.sets import REGION_FILE, ImageSet, SetWriter, read_set

Track = Callable[[Iterator[ReadImage], int], Iterable[ReadImage]]
"""Wraps results to show progress; is given them and how many will come."""


def import_source(
    source: Source,
    folder: Path,
    *,
    replace: bool = False,
    workers: int = 1,
    track: Track = lambda results, _: results,
) -> tuple[ImageSet, bool]:
    """Import a source into a folder, whole or not at all; its files are only ever read.

    Args:
        source: What to import.
        folder: Where the set goes.
        replace: Replace a set that was made from something else.
        workers: Number of processes; changes no byte.
        track: Shows progress.

    Returns:
        The set, and whether it was there already, equal and whole; a spoilt one is made anew.

    Raises:
        DataError: The source cannot be used; names every file at fault once.
    """
    plan = plan_import(source, open_source(source.root, folder))
    existing = _existing(folder, replace=replace)
    if existing is not None and _is_equal(existing, folder, plan.digest, replace=replace):
        return existing, True
    _write(source, folder, plan, workers, track)
    return read_set(folder), False


def _is_equal(existing: ImageSet, folder: Path, digest: str, *, replace: bool) -> bool:
    """Say whether a set is whole and made from the same; one made from other things is refused."""
    same = existing.about.get("source_digest") == digest
    if not (same or replace):
        raise DataError(
            f"{folder.name} exists already and was made from other files or options. "
            "Replace it with --force, or choose another --name."
        )
    return same and existing.about["content"] == _content(folder)


def _existing(folder: Path, *, replace: bool) -> ImageSet | None:
    """Return the set that is there; None without one, or to replace a corrupt one."""
    if not folder.exists():
        return None
    try:
        return read_set(folder)
    except DataError as error:
        if replace:
            return None
        raise DataError(
            f"{folder.name} exists already, but is corrupt: what it was made from cannot be told. "
            "Make it anew with --force, or choose another --name."
        ) from error


def _write(source: Source, folder: Path, plan: ImportPlan, workers: int, track: Track) -> None:
    ids = name_images(image.file for image in plan.found.images)
    job = ReadJob(source.root, ids, source.choices, source.limits, plan.region)
    results = ordered_map(job, plan.found.images, workers)
    outcome = ImportOutcome(ImportReport(list(plan.left_out)), list(plan.found.faults))
    with SetWriter(folder, source.name, plan.layout) as writer:
        for result in track(results, len(plan.found.images)):
            outcome.add(result)
            if result.encoded is not None:
                writer.add_encoded(result.encoded)
        check_all(source, outcome, writer, ids)
        writer.describe(source_digest=plan.digest, grouping=plan.grouping, bits=source.choices.bits)
        if plan.region is not None:
            writer.add_region(plan.region)
        _finish(writer, source, outcome)


def _finish(writer: SetWriter, source: Source, outcome: ImportOutcome) -> None:
    images = writer.written()
    if not images.rows:
        raise DataError(
            f"Nothing of {source.root.name} was taken: {len(outcome.report.left_out)} files were "
            "left out, so nothing could be learned. Nothing was imported."
        )
    writer.describe(content=_content(writer.partial), report=outcome.report.to_json(images))
    writer.add_file("contact_sheet.png", encode_sheet(contact_sheet(images)))
    write_json(writer.partial / "statistics.json", describe_set(images, outcome.statistics))


def _content(folder: Path) -> str:
    """Return one SHA-256 over the images, masks and indexes of a set."""
    parts = ["images", "masks", "index.csv", "defects.jsonl"]
    parts += [REGION_FILE] if (folder / REGION_FILE).exists() else []
    return sha256_bytes(canonical_json([sha256_tree(folder / part) for part in parts]))


def describe_import(images: ImageSet, *, unchanged: bool) -> dict[str, Any]:
    """Return what an import did, as JSON values for a script."""
    return {
        "name": images.name,
        "layout": images.about["source_layout"],
        "unchanged": unchanged,
        "images": len(images),
        "defective": sum(row.defective for row in images.rows),
        "clean": sum(row.clean for row in images.rows),
        "groups": len({row.group for row in images.rows}),
        "defective_groups": len({row.group for row in images.rows if row.defective}),
        "grouping": images.about["grouping"],
        "classes": list(images.classes),
        "region": images.region is not None,
        "bits": images.about.get("bits"),
        **images.about["report"],
    }
