"""One photograph of a source, read and brought into our layout, or all that is wrong with it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from scipy import ndimage

from blemish.arrays import Mask, Plane
from blemish.errors import ImageError
from blemish.image_statistics import ImageStatistics, image_statistics
from blemish.imaging import DEFAULT_LIMITS, DecodedImage, Limits, decode_image
from blemish.importing.choices import Choices
from blemish.importing.measuring import measure_defect
from blemish.importing.orientation import read_orientation, shown_shape
from blemish.importing.region_reading import FaultError, Findings, RegionReader, SourcePhotograph
from blemish.importing.source import SourceImage
from blemish.sets import EncodedImage, Fault, LabelledDefect, content_digest, encode_image
from blemish.terminal_text import printable

_TOUCHING = np.ones((3, 3), np.uint8)  # a defect is connected over corners too
_SUGGESTED_BITS = re.compile(r"give bits=(\d+)")
OUTSIDE_REMARK = "a defect lies outside the region of interest and will not count"


@dataclass(frozen=True)
class ReadImage:
    """What became of one photograph."""

    source: SourceImage
    faults: tuple[Fault, ...] = ()
    encoded: EncodedImage | None = None
    """None when it is at fault or left out."""
    statistics: ImageStatistics | None = None
    digest: str = ""
    misfit: str = ""
    """Its size, where that is not the size of the region of interest."""
    left_out: str = ""
    """Why it is left out; empty when it is not."""
    remarks: tuple[str, ...] = ()
    """What a person should know of it; equal sentences are counted together."""
    masked_share: float = 0.0
    """Of the image that its mask files mark, in ``[0, 1]``."""
    mask_digest: str = ""
    """SHA-256 over its mask, once that is written."""
    used_bits: int | None = None
    """Of the 16 of its samples, where the file declares none; None for other images."""


class _MisfitError(Exception):
    """An image has another size than the region of interest; holds that size."""


@dataclass(frozen=True)
class ReadJob:
    """Reads one photograph of a source; sent to each worker once."""

    root: Path
    ids: Mapping[PurePosixPath, str]
    choices: Choices
    limits: Limits = DEFAULT_LIMITS
    region: Mask | None = None
    """The region of interest of the set, shape ``(H, W)``; None: all of each image."""

    def __call__(self, source: SourceImage) -> ReadImage:
        """Read one photograph; both it and its masks are looked at, whichever is at fault."""
        if source.unmasked and not self.choices.unmasked_free:
            return self._without_mask(source)
        seen = Findings()
        try:
            photograph = self._photograph(source, seen)
        except _MisfitError as error:
            return ReadImage(source, misfit=str(error))
        reader = RegionReader(self.root, self.choices, self.limits)
        regions = reader.read(source, photograph, seen)
        if seen.faults or photograph is None:
            return ReadImage(source, tuple(seen.faults))
        promised = source.promised_class and not any(region.any() for _, region in regions)
        if promised and self.choices.empty_masks == "skip":
            return ReadImage(source, left_out="an empty mask (--empty-masks skip)")
        if promised and self.choices.empty_masks == "refuse":
            return ReadImage(source, (_empty_mask(source),))
        return self._finish(source, photograph, regions, seen)

    def _without_mask(self, source: SourceImage) -> ReadImage:
        if self.choices.unmasked_skip:
            return ReadImage(source, left_out="no mask (--unmasked-skip)")
        problem = (
            "no mask; add one (all black where defect-free), or use --unmasked-free or "
            "--unmasked-skip"
        )
        return ReadImage(source, (Fault(printable(source.file), problem),))

    def _photograph(self, source: SourceImage, seen: Findings) -> SourcePhotograph | None:
        """Read the photograph; None, and a fault more, when it cannot be used."""
        try:
            data = self._bytes(source.file)
            decoded = self._decode(source.file, data)
            photograph = SourcePhotograph(
                decoded.plane, read_orientation(data), _used_bits(decoded)
            )
            self._check_region(source, photograph)
            self._check_declared(source, photograph)
        except FaultError as error:
            seen.faults.append(error.fault)
            return None
        return photograph

    def _bytes(self, file: PurePosixPath) -> bytes:
        try:
            return (self.root / file).read_bytes()
        except FileNotFoundError as error:
            raise FaultError(file, "missing") from error
        except OSError as error:
            raise FaultError(file, f"cannot be read: {error.strerror}") from error

    def _decode(self, file: PurePosixPath, data: bytes) -> DecodedImage:
        try:
            return decode_image(data, self.limits, self.choices.bits)
        except ImageError as error:
            raise FaultError(file, str(error)) from error

    def _check_region(self, source: SourceImage, photograph: SourcePhotograph) -> None:
        """Refuse an image of another size than the region of interest, or one that EXIF turns."""
        if self.region is None:
            return
        height, width = photograph.shape
        if self.region.shape != (height, width):
            raise _MisfitError(f"{width} x {height}")
        if photograph.orientation != 1 and self.choices.exif != "stored":
            raise FaultError(
                source.file,
                f"has EXIF orientation {photograph.orientation}, and the region of interest is of "
                "the image as stored; save the image upright, or use --exif stored",
            )

    def _check_declared(self, source: SourceImage, photograph: SourcePhotograph) -> None:
        """Compare a photograph's size with what its annotation says, turned or as stored."""
        height, width = photograph.shape
        shown = shown_shape(photograph.shape, photograph.orientation)
        accepted = {(width, height), (shown[1], shown[0])}
        if source.declared_size is not None and source.declared_size not in accepted:
            declared = "{} x {}".format(*source.declared_size)
            problem = (
                f"says {printable(source.file.name)} has {declared} pixels; it has "
                f"{width} x {height}"
            )
            raise FaultError(source.annotation or source.file, problem)

    def _finish(
        self,
        source: SourceImage,
        photograph: SourcePhotograph,
        regions: Sequence[tuple[str, Mask]],
        seen: Findings,
    ) -> ReadImage:
        plane = photograph.plane
        mask = _union(regions, plane.shape)
        image_id = self.ids[source.file]
        encoded = encode_image(
            image_id,
            plane,
            mask,
            group=source.group or image_id,
            defects=self._defects(plane, mask, regions, seen),
            attributes={"file": printable(source.file), **source.attributes},
            clean=source.clean,
        )
        return ReadImage(
            source,
            (),
            encoded,
            image_statistics(plane),
            content_digest(plane),
            remarks=tuple(seen.remarks),
            masked_share=float(mask.mean()) if source.masks else 0.0,
            used_bits=photograph.used_bits,
        )

    def _defects(
        self,
        plane: Plane,
        mask: Mask,
        regions: Sequence[tuple[str, Mask]],
        seen: Findings,
    ) -> Iterator[LabelledDefect]:
        """Yield the defects of an image one by one: together they may not fit into memory."""
        for name, region in regions:
            for part in connected_parts(region):
                if self.region is not None and not (part & self.region).any():
                    seen.remarks.append(OUTSIDE_REMARK)
                found = measure_defect(plane, part, mask)
                class_name = self.choices.class_name or name
                yield LabelledDefect(class_name, part, found.contrast_to_noise, found.width_px)


def _used_bits(decoded: DecodedImage) -> int | None:
    """Return how many bits an image of undeclared 16 uses; None for any other."""
    if decoded.bits != 16:
        return None
    suggested = [_SUGGESTED_BITS.search(warning) for warning in decoded.warnings]
    return min((int(found[1]) for found in suggested if found), default=16)


def _empty_mask(source: SourceImage) -> Fault:
    file = source.masks[0].file if source.masks else source.file
    problem = (
        f"an empty mask, though its class is {source.promised_class}; fix it, or use "
        "--empty-masks free or skip"
    )
    return Fault(printable(file), problem)


def connected_parts(region: Mask) -> Iterator[Mask]:
    """Yield the connected parts of a region ``(H, W)``, each of its shape, bool."""
    labels, count = ndimage.label(region, structure=_TOUCHING)
    for label in range(1, count + 1):
        yield labels == label


def _union(regions: Sequence[tuple[str, Mask]], shape: tuple[int, ...]) -> Mask:
    mask = np.zeros(shape, np.bool_)
    for _, region in regions:
        mask |= region
    return mask
