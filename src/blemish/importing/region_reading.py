"""The regions of one photograph, from mask files and annotations, on the image as stored."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from blemish.arrays import Mask, Plane
from blemish.imaging import Limits
from blemish.importing.choices import Choices, Exif
from blemish.importing.mask_reading import MaskError, MaskRules, read_mask
from blemish.importing.orientation import shown_shape, to_stored
from blemish.importing.region_drawing import RegionError, draw_region
from blemish.importing.source import MaskFile, Region, SourceImage
from blemish.sets import Fault
from blemish.terminal_text import printable

_INVERTED = 0.9  # share of an image; masks of more are rather inverted than true
EMPTY_REMARK = "an annotated region covers no pixel"


class FaultError(Exception):
    """A file cannot be used; holds the fault."""

    def __init__(self, file: PurePosixPath, problem: str) -> None:
        super().__init__(problem)
        self.fault = Fault(printable(file), problem)


@dataclass
class Findings:
    """What is found out about one photograph while it is read."""

    faults: list[Fault] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class SourcePhotograph:
    """One grey plane, shape ``(H, W)``, and the EXIF orientation that viewers apply."""

    plane: Plane
    orientation: int
    used_bits: int | None = None
    """Of the 16 of its samples, where the file declares none; None for other images."""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width as stored."""
        return self.plane.shape[0], self.plane.shape[1]


@dataclass(frozen=True)
class RegionReader:
    """Reads the regions of photographs of one source."""

    root: Path
    choices: Choices
    limits: Limits

    def read(
        self, source: SourceImage, photograph: SourcePhotograph | None, seen: Findings
    ) -> list[tuple[str, Mask]]:
        """Read classes and regions; where the image is unreadable, only look for more faults."""
        found = []
        for mark in (*source.masks, *(source.regions if photograph else ())):
            try:
                if isinstance(mark, MaskFile):
                    region = self._read_mask(source, mark, photograph, seen)
                elif photograph is not None:
                    region = self._draw(source, mark, photograph, seen)
                found.append((mark.class_name, region))
            except FaultError as error:
                seen.faults.append(error.fault)
        return found

    def _read_mask(
        self,
        source: SourceImage,
        mask: MaskFile,
        photograph: SourcePhotograph | None,
        seen: Findings,
    ) -> Mask:
        rules = MaskRules(mask.soft or self.choices.soft_masks, self.choices.defect_values)
        try:
            read = read_mask(self.root / mask.file, rules, self.limits)
        except MaskError as error:
            raise FaultError(mask.file, str(error)) from error
        seen.remarks += read.remarks
        if photograph is None:
            return read.region
        shape = (read.region.shape[0], read.region.shape[1])
        if shape not in {photograph.shape, shown_shape(photograph.shape, photograph.orientation)}:
            height, width = photograph.shape
            raise FaultError(
                mask.file,
                f"a mask of {shape[1]} x {shape[0]} pixels; its image has {width} x {height}",
            )
        share = float(read.region.mean())
        if share > _INVERTED and not self.choices.large_defects:
            raise FaultError(
                mask.file,
                f"its defects cover {share:.0%} of the image: inverted? Use --defect-values with "
                "the values that mark a defect, or --large-defects where it is true",
            )
        return self._upright(source, mask.file, photograph, shape, lambda _: read.region)

    def _draw(
        self, source: SourceImage, region: Region, photograph: SourcePhotograph, seen: Findings
    ) -> Mask:
        file = source.annotation or source.file
        declared = source.declared_size
        shape = (declared[1], declared[0]) if declared else None
        try:
            drawn = self._upright(
                source, file, photograph, shape, lambda size: draw_region(region, size)
            )
        except RegionError as error:
            problem = f"{error}, of {printable(source.file.name)}"
            raise FaultError(file, problem) from error
        if not drawn.any():
            seen.remarks.append(EMPTY_REMARK)
        return drawn

    def _choose_exif(
        self,
        source: SourceImage,
        marked: tuple[int, int] | None,
        stored: tuple[int, int],
        shown: tuple[int, int],
    ) -> Exif:
        """Return which image was marked, by choice or by its size; else ``refuse``."""
        if self.choices.exif != "refuse":
            return self.choices.exif
        if marked is not None and stored != shown:
            return "shown" if marked == shown else "stored"
        return "shown" if source.shown_turned else "refuse"

    def _upright(
        self,
        source: SourceImage,
        file: PurePosixPath,
        photograph: SourcePhotograph,
        marked: tuple[int, int] | None,
        draw: Callable[[tuple[int, int]], Mask],
    ) -> Mask:
        """Return a region on the image as stored, whichever way the image was marked.

        ``marked`` is the height and width of the image that was marked, where they are known;
        ``draw`` draws the region on an image of some height and width.
        """
        orientation, stored = photograph.orientation, photograph.shape
        if orientation == 1:
            return draw(stored)
        shown = shown_shape(stored, orientation)
        choice = self._choose_exif(source, marked, stored, shown)
        if choice == "stored":
            return draw(stored)
        region = to_stored(draw(shown), orientation)
        if choice == "refuse" and region.any():
            raise FaultError(
                file,
                f"{printable(source.file.name)} has EXIF orientation {orientation}: viewers show "
                "it turned, and its size does not tell which way it was marked. Use --exif shown "
                "or --exif stored, or save the images upright",
            )
        return region
