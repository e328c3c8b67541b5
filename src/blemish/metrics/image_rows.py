"""Results by image: the file ``per_image.csv``, written and read in one place."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from blemish.files import csv_text
from blemish.metrics.objects import ObjectCounts
from blemish.metrics.pixels import Counts

NAME = "per_image.csv"
_DIGITS = 6
_IDENTITY = ("image_id", "set", "group", "classes", "clean")
_PIXELS = ("tp", "fp", "fn", "tn")
_METRICS = ("dice", "iou", "precision", "recall", "boundary_f", "score")
_OBJECTS = ("found", "missed", "right", "false")
_COLUMNS = (*_IDENTITY, *_PIXELS, *_METRICS, *_OBJECTS, "class_pixels")


@dataclass(frozen=True)
class ImageRow:
    """The result of a model on one image, at its own operating point.

    Attributes:
        image_id: Safe stem of the image's name, unique over all sets.
        set_name: Set that it comes from.
        group: Physical part that it shows; unique within its set.
        classes: Classes of its defects, sorted; empty when it is defect-free.
        counts: Pixels found, falsely marked, missed and rightly left.
        clean: Whether it was declared defect-free, without a mask.
        boundary_f: Boundary F score; None where not measured.
        score: How defective it looks, in ``[0, 1]``; None where not measured.
        objects: Defects found and missed, marks right and false; None where not measured.
        class_pixels: By class ``(tp, fp, fn)``; a false mark counts for the class of the defect
            nearest to it.
    """

    image_id: str
    set_name: str
    group: str
    classes: tuple[str, ...]
    counts: Counts
    clean: bool = False
    boundary_f: float | None = None
    score: float | None = None
    objects: ObjectCounts | None = None
    class_pixels: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)


def write_image_rows(rows: Iterable[ImageRow]) -> str:
    """Return the rows as CSV with Unix line ends; lists and mappings are JSON."""
    return csv_text(_COLUMNS, map(_values, rows), csv.QUOTE_NONNUMERIC)


def read_image_rows(text: str) -> tuple[ImageRow, ...]:
    """Read what :func:`write_image_rows` wrote; columns beyond the pixel counts may be missing.

    Raises:
        ValueError: It is something else; the text names the line.
    """
    lines = csv.DictReader(io.StringIO(text, newline=""))
    rows = []
    try:
        for line in lines:
            rows.append(_parse(line))  # noqa: PERF401 - the line at which it ends is named
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, csv.Error) as error:
        raise ValueError(f"line {lines.line_num} of {NAME} cannot be read: {error!r}") from error
    return tuple(rows)


def _values(row: ImageRow) -> tuple[object, ...]:
    counts, objects = row.counts, row.objects
    measured = (counts.dice, counts.iou, counts.precision, counts.recall, row.boundary_f, row.score)
    return (
        row.image_id,
        row.set_name,
        row.group,
        _json(row.classes),
        int(row.clean),
        *(counts.tp, counts.fp, counts.fn, counts.tn),
        *("" if value is None else round(value, _DIGITS) for value in measured),
        *(getattr(objects, name) if objects else "" for name in _OBJECTS),
        _json(row.class_pixels),
    )


def _parse(row: Mapping[str, str]) -> ImageRow:
    objects = [row.get(name) for name in _OBJECTS]
    by_class = json.loads(row.get("class_pixels") or "{}")
    return ImageRow(
        image_id=row["image_id"],
        set_name=row["set"],
        group=row["group"],
        classes=_parse_classes(row["classes"]),
        counts=Counts(*(int(row[name]) for name in _PIXELS)),
        clean=row.get("clean") == "1",
        boundary_f=_parse_number(row.get("boundary_f")),
        score=_parse_number(row.get("score")),
        objects=ObjectCounts(*(int(value or 0) for value in objects)) if all(objects) else None,
        class_pixels={name: (int(t), int(f), int(n)) for name, (t, f, n) in by_class.items()},
    )


def _parse_classes(text: str) -> tuple[str, ...]:
    """Read the classes: JSON; the first version of this file joined names by ``;``."""
    names = json.loads(text) if text.startswith("[") else text.split(";")
    return tuple(sorted({str(name) for name in names if name}))


def _parse_number(text: str | None) -> float | None:
    return float(text) if text else None


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
