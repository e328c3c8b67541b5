"""What an imported image is called and which physical part it belongs to."""

import csv
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from blemish.importing.source import SourceImage, class_of, is_free
from blemish.sets import Fault

_DROPPED = frozenset({"images", "image", "imgs", "img"})
_LONGEST = 160


def name_images(files: Iterable[PurePosixPath]) -> dict[PurePosixPath, str]:
    """Give each file an id that is safe as a stem, unique, and reminds of its path."""
    files = sorted(files)
    short = {path: _safe(path.with_suffix("")) for path in files}
    counts = Counter(short.values())
    ids: dict[PurePosixPath, str] = {}
    taken: Counter[str] = Counter()
    for path in files:
        name = short[path] if counts[short[path]] == 1 else _safe(path)
        taken[name] += 1
        ids[path] = name if taken[name] == 1 else f"{name}.{taken[name]}"
    return ids


def _safe(path: PurePosixPath) -> str:
    kept = [part for part in path.parts[:-1] if part.lower() not in _DROPPED]
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", "-".join([*kept, path.name]))
    return re.sub(r"^[^A-Za-z0-9_]", "_", name[-_LONGEST:])


def roboflow_origin(file: PurePosixPath) -> str:
    """Return the image of which Roboflow made a file, ``NAME.rf.HASH.jpg``; empty for others.

    Roboflow writes several augmented copies of an image, which must not be split.
    """
    origin, found, _ = file.name.rpartition(".rf.")
    return origin if found else ""


@dataclass(frozen=True)
class GroupTable:
    """A CSV of columns ``image,group[,class]``: which images show one physical part."""

    name: str
    text: str

    def apply(
        self, images: Sequence[SourceImage]
    ) -> tuple[tuple[SourceImage, ...], tuple[Fault, ...]]:
        """Give every image its group, and its class where the table has one.

        An image is named by its path inside the source, or by its file name or stem where that is
        unique.

        Returns:
            The images, and faults for rows that name no image and images that no row names.
        """
        rows, faults = self._rows()
        lookup = _index_names(image.file for image in images)
        groups: dict[PurePosixPath, dict[str, str]] = {}
        for number, row in rows:
            files = lookup.get(row["image"].replace("\\", "/"), set())
            if len(files) != 1:
                problem = "names no image" if not files else f"fits {len(files)} images"
                faults.append(Fault(f"{self.name} line {number}", f"{row['image']} {problem}"))
            for file in files:
                groups[file] = row
        if rows:
            faults += [
                Fault(str(image.file), f"no row of {self.name} names it")
                for image in images
                if image.file not in groups
            ]
        grouped = [_apply(image, groups.get(image.file)) for image in images]
        return tuple(grouped), tuple(faults)

    def _rows(self) -> tuple[list[tuple[int, dict[str, str]]], list[Fault]]:
        try:
            reader = csv.DictReader(io.StringIO(self.text))
            columns, read = reader.fieldnames or [], list(reader)
        except csv.Error as error:
            return [], [Fault(self.name, f"no CSV: {error}")]
        if not {"image", "group"} <= set(columns):
            problem = f"columns {', '.join(columns) or 'none'}; accepted: image,group[,class]"
            return [], [Fault(self.name, problem)]
        rows, faults = [], []
        for number, row in enumerate(read, 2):
            if row["image"] and row["group"]:
                rows.append((number, row))
            else:
                faults.append(Fault(f"{self.name} line {number}", "a row without image or group"))
        return rows, faults


def _index_names(files: Iterable[PurePosixPath]) -> dict[str, set[PurePosixPath]]:
    index: dict[str, set[PurePosixPath]] = defaultdict(set)
    for file in files:
        for name in (str(file), file.name, file.stem):
            index[name].add(file)
    for file in [PurePosixPath(name) for name in index]:
        exact = {found for found in index[str(file)] if found == file}
        index[str(file)] = exact or index[str(file)]
    return index


def _apply(image: SourceImage, row: dict[str, str] | None) -> SourceImage:
    if row is None:
        return image
    image = replace(image, group=row["group"])
    name = class_of(row.get("class") or "")
    if not name or is_free(name):
        return image
    masks = tuple(replace(mask, class_name=name) for mask in image.masks)
    regions = tuple(replace(region, class_name=name) for region in image.regions)
    return replace(image, masks=masks, regions=regions, promised_class=name)
