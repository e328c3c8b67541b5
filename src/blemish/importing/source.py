"""What an importer finds in a source folder, before any image is read."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from blemish.folder_walk import IMAGE_SUFFIXES, LeftOut, Walk, walk_folder
from blemish.sets import Fault
from blemish.terminal_text import printable

FREE_NAMES = frozenset({"good", "ok", "free", "normal", "clean", "defect_free", "no_defect"})
"""Folder names and classes that say: no defect here."""
DEFAULT_CLASS = "defect"
ODD_CONTENT = (
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    OverflowError,  # of numbers such as 1e999
    RecursionError,  # of lists in lists in lists
)
"""What reading a document raises whose members are not of the kinds that its format has."""


@dataclass(frozen=True)
class MaskFile:
    """An image that marks the defects of one class."""

    file: PurePosixPath
    class_name: str = DEFAULT_CLASS
    soft: bool = False
    """Edges are shades of grey; above 127 is defective."""


@dataclass(frozen=True)
class Polygons:
    """A region as the union of polygons, each ``(x0, y0, x1, y1, ...)`` in pixels."""

    class_name: str
    polygons: tuple[tuple[float, ...], ...]
    shares: bool = False
    """Corners are shares of width and height instead of pixels."""


@dataclass(frozen=True)
class RunLengths:
    """A region as COCO run lengths, plain (list) or compressed (text)."""

    class_name: str
    size: tuple[int, int]
    """Height and width, in pixels."""
    counts: tuple[int, ...] | str


@dataclass(frozen=True)
class PixelRuns:
    """A region as runs of pixels down the columns: first pixel, from 0, and length."""

    class_name: str
    runs: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class EncodedMask:
    """A region as a small encoded image, white where defective, at a corner of the photograph."""

    class_name: str
    corner: tuple[int, int]
    """Column and row of its first pixel."""
    data: bytes


Region = Polygons | RunLengths | PixelRuns | EncodedMask


@dataclass(frozen=True)
class SourceImage:
    """One image of a source and where its defects are described; paths are inside the source."""

    file: PurePosixPath
    masks: tuple[MaskFile, ...] = ()
    regions: tuple[Region, ...] = ()
    annotation: PurePosixPath | None = None
    """The file that holds the regions."""
    declared_size: tuple[int, int] | None = None
    """Width and height as the annotation has them, in pixels."""
    shown_turned: bool = False
    """The annotation tool turns images by their EXIF orientation before it shows them."""
    unmasked: bool = False
    """Nothing says whether it is defect-free, or its mask was forgotten."""
    promised_class: str | None = None
    """The class that its folder says it shows, so that an empty mask is suspicious."""
    group: str | None = None
    """Images of one physical part share it; None where the layout does not say."""
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether it is declared defect-free as it is, without a mask or an annotation."""
        return not self.masks and not self.regions and self.annotation is None

    @property
    def files(self) -> Iterator[PurePosixPath]:
        """Every file that its content depends on."""
        yield self.file
        yield from (mask.file for mask in self.masks)
        if self.annotation is not None:
            yield self.annotation


@dataclass(frozen=True)
class FoundImages:
    """What an importer made of a source."""

    images: tuple[SourceImage, ...]
    faults: tuple[Fault, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True)
class SourceTree:
    """The files of a source folder."""

    root: Path

    @cached_property
    def walk(self) -> Walk:
        """All that lies in the source, and what of it is not read."""
        return walk_folder(self.root)

    @property
    def files(self) -> tuple[PurePosixPath, ...]:
        """Every file, by its path inside the source, sorted."""
        return self.walk.files

    @cached_property
    def images(self) -> tuple[PurePosixPath, ...]:
        """The files that are called like images."""
        return tuple(path for path in self.files if path.suffix.lower() in IMAGE_SUFFIXES)

    def images_called(self, name: str) -> list[PurePosixPath]:
        """Return the images of a file name, in whatever folder."""
        return self._by_name.get(name, [])

    @cached_property
    def _by_name(self) -> dict[str, list[PurePosixPath]]:
        by_name: dict[str, list[PurePosixPath]] = {}
        for image in self.images:
            by_name.setdefault(image.name, []).append(image)
        return by_name

    @cached_property
    def _names(self) -> frozenset[PurePosixPath]:
        return frozenset(self.files)

    def __contains__(self, path: PurePosixPath) -> bool:
        return path in self._names

    def documents(self) -> Iterator[tuple[PurePosixPath, Any]]:
        """Yield every ``.json`` file with its content; with a Fault when it is corrupt."""
        for path in self.files:
            if path.suffix.lower() == ".json":
                yield path, self._parse_json(path)

    def _parse_json(self, path: PurePosixPath) -> Any:
        try:
            return json.loads((self.root / path).read_bytes())
        except OSError as error:
            return Fault(printable(path), f"cannot be read: {error.strerror}")
        except (ValueError, RecursionError) as error:
            return Fault(printable(path), f"not valid JSON: {error}")

    def texts(self, suffix: str) -> Iterator[tuple[PurePosixPath, str | Fault]]:
        """Yield every text file of a suffix with its content; with a Fault when it is no text."""
        for path in self.files:
            if path.suffix.lower() == suffix:
                try:
                    yield path, (self.root / path).read_text(encoding="utf-8-sig")
                except OSError as error:
                    yield path, Fault(printable(path), f"cannot be read: {error.strerror}")
                except UnicodeDecodeError:
                    yield path, Fault(printable(path), "not UTF-8 text; save it in UTF-8")


def class_of(name: str) -> str:
    """Return a folder's or category's name as a class: lower case, no spaces."""
    return printable("_".join(name.strip().lower().split()))


def is_free(name: str) -> bool:
    """Say whether a folder's or class's name says that there is no defect."""
    return class_of(name).replace("-", "_") in FREE_NAMES
