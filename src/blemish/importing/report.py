"""What an import read, took and left out, by number, and what the set lacks."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from blemish.folder_walk import IMAGE_SUFFIXES, LeftOut
from blemish.importing.source import FoundImages, SourceTree
from blemish.sets import ImageSet
from blemish.terminal_text import printable

_EXAMPLES = 3  # names shown of each reason
_SPLITS = 3


@dataclass
class ImportReport:
    """Gathered while a set is imported; stored in ``set.json``."""

    left_out: list[LeftOut] = field(default_factory=list)
    remarks: Counter[str] = field(default_factory=Counter)
    """Images by what a person should know of them."""

    def to_json(self, images: ImageSet) -> dict[str, Any]:
        """Return the report of a finished set as JSON values."""
        by_reason: dict[str, list[str]] = defaultdict(list)
        for one in self.left_out:
            by_reason[one.reason].append(one.file)
        return {
            "taken": len(images),
            "left_out": {
                reason: {"count": len(files), "files": files[:_EXAMPLES]}
                for reason, files in sorted(by_reason.items())
            },
            "remarks": dict(sorted(self.remarks.items())),
            "lacks": list(name_import_lacks(images)),
        }


def find_unused(
    tree: SourceTree, found: FoundImages, layout: str, others: set[str]
) -> Iterator[LeftOut]:
    """Yield the files of a source that an import has no use for.

    Args:
        tree: The files of the source.
        found: What the layout made of them.
        layout: Its name.
        others: Files that serve otherwise, such as ``groups.csv``.
    """
    used = {file for image in found.images for file in image.files}
    told = {one.file for one in found.left_out}
    for path in tree.files:
        name = printable(path)
        if path in used or name in told or name in others:
            continue
        yield LeftOut(name, _reason(path, layout))


def _reason(path: PurePosixPath, layout: str) -> str:
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return f"images that have no place in layout {layout}"
    return f"files that are no images ({path.suffix.lower() or 'no ending'})"


def name_import_lacks(images: ImageSet) -> Iterator[str]:
    """Yield what a set lacks for training and measuring, with what it costs."""
    groups = {row.group for row in images.rows}
    defective = {row.group for row in images.rows if row.defective}
    if len(groups) < _SPLITS:
        yield (
            f"It has {len(groups)} group{'s' if len(groups) > 1 else ''}, and a split needs three: "
            "all of it trains, nothing of it validates or tests."
        )
    elif defective and len(defective) < _SPLITS:
        yield (
            "Fewer than three groups show a defect: these train, so Dice of this set cannot be "
            "measured."
        )
    if not defective:
        yield "It has no labelled defect: Dice of this set cannot be measured."
    if all(row.defective for row in images.rows):
        yield "It has no defect-free image: false alarms on this set cannot be measured."


def describe_bits(used: Sequence[int]) -> str | None:
    """Return a warning where no 16-bit image uses its top bits; None where all is well.

    Args:
        used: Bits that each 16-bit image of undeclared depth uses.
    """
    most = max(used, default=16)
    if most == 16:
        return None
    return (
        f"16-bit image whose top {16 - most} bits are never used, so that it is dark; if the "
        f"camera has {most} bits, import again with --bits {most}"
    )


def tell_report(report: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of a report for a person."""
    left_out = report["left_out"]
    total = sum(entry["count"] for entry in left_out.values())
    yield f"Took {report['taken']} images, left out {total} files{':' if total else '.'}"
    for reason, entry in left_out.items():
        more = ", ..." if entry["count"] > len(entry["files"]) else ""
        yield f"  {entry['count']}: {reason} ({', '.join(entry['files'])}{more})"
    for remark, count in report["remarks"].items():
        yield f"  {count} x {remark}"
    yield from report["lacks"]
