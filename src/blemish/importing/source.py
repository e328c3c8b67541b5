"""What an importer finds in a source folder, before any picture is read."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from blemish.sets import Fault

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
FREE_NAMES = frozenset({"good", "ok", "free", "normal", "clean", "defect_free", "no_defect"})
"""Folder names and classes that say: no defect here."""
DEFAULT_CLASS = "defect"


@dataclass(frozen=True)
class MaskFile:
    """A picture that marks the defects of one class."""

    file: PurePosixPath
    class_name: str = DEFAULT_CLASS
    soft: bool = False
    """Edges are shades of grey; above 127 is defective."""


@dataclass(frozen=True)
class Polygons:
    """A region as the union of polygons, each ``(x0, y0, x1, y1, ...)`` in pixels."""

    class_name: str
    polygons: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class RunLengths:
    """A region as COCO run lengths, plain (list) or compressed (text)."""

    class_name: str
    size: tuple[int, int]
    """Height and width, in pixels."""
    counts: tuple[int, ...] | str


@dataclass(frozen=True)
class SourceImage:
    """One picture of a source and where its defects are described; paths are inside the source."""

    file: PurePosixPath
    masks: tuple[MaskFile, ...] = ()
    regions: tuple[Polygons | RunLengths, ...] = ()
    annotation: PurePosixPath | None = None
    """The file that holds the regions."""
    declared_size: tuple[int, int] | None = None
    """Width and height as the annotation has them, in pixels."""
    unmasked: bool = False
    """Nothing says whether it is free, or its mask was forgotten."""
    promised_class: str | None = None
    """The class that its folder says it shows, so that an empty mask is suspicious."""
    group: str | None = None
    """Images of one physical part share it; None where the layout does not say."""
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def files(self) -> Iterator[PurePosixPath]:
        """Every file that its content depends on."""
        yield self.file
        yield from (mask.file for mask in self.masks)
        if self.annotation is not None:
            yield self.annotation


@dataclass(frozen=True)
class Found:
    """What an importer made of a source."""

    images: tuple[SourceImage, ...]
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class SourceTree:
    """The files of a source folder; hidden ones are left out."""

    root: Path

    @cached_property
    def files(self) -> tuple[PurePosixPath, ...]:
        """Every file, by its path inside the source, sorted."""
        inside = (path.relative_to(self.root) for path in self.root.rglob("*") if path.is_file())
        return tuple(
            sorted(
                PurePosixPath(path)
                for path in inside
                if not any(part.startswith((".", "__MACOSX")) for part in path.parts)
            )
        )

    @cached_property
    def pictures(self) -> tuple[PurePosixPath, ...]:
        """The files that are called like pictures."""
        return tuple(path for path in self.files if path.suffix.lower() in PICTURES)

    def pictures_called(self, name: str) -> list[PurePosixPath]:
        """Return the pictures of a file name, in whatever folder."""
        return self._by_name.get(name, [])

    @cached_property
    def _by_name(self) -> dict[str, list[PurePosixPath]]:
        by_name: dict[str, list[PurePosixPath]] = {}
        for picture in self.pictures:
            by_name.setdefault(picture.name, []).append(picture)
        return by_name

    @cached_property
    def _names(self) -> frozenset[PurePosixPath]:
        return frozenset(self.files)

    def __contains__(self, path: PurePosixPath) -> bool:
        return path in self._names

    def documents(self) -> Iterator[tuple[PurePosixPath, Any]]:
        """Yield every ``.json`` file with its content; with a Fault when it is torn."""
        for path in self.files:
            if path.suffix.lower() == ".json":
                try:
                    yield path, json.loads((self.root / path).read_bytes())
                except ValueError as error:
                    yield path, Fault(str(path), f"not valid JSON: {error}")


EmptyMasks = Literal["refuse", "free", "skip"]
"""What to make of an image whose folder promises a defect that its mask does not show."""


def class_of(name: str) -> str:
    """Return a folder's or category's name as a class: lower case, no spaces."""
    return "_".join(name.strip().lower().split())


def is_free(name: str) -> bool:
    """Say whether a folder's or class's name says that there is no defect."""
    return class_of(name).replace("-", "_") in FREE_NAMES
