"""One picture of a source, read and brought into our layout, or all that is wrong with it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco
from scipy import ndimage

from blemish.errors import ImageError
from blemish.image_statistics import ImageStatistics, image_statistics
from blemish.imaging import decode_image
from blemish.importing.measuring import measure_defect
from blemish.importing.source import (
    EmptyMasks,
    MaskFile,
    Polygons,
    RunLengths,
    SourceImage,
)
from blemish.sets import (
    DefectRecord,
    EncodedImage,
    Fault,
    content_digest,
    describe_values,
    encode_image,
)
from blemish.sets.regions import decode_region

_TOUCHING = np.ones((3, 3), np.uint8)  # a defect is connected over corners too


@dataclass(frozen=True)
class Choices:
    """What a person may say about the masks of a source."""

    class_name: str | None = None
    """The class of every defect; else the layout says."""
    soft_masks: bool = False
    """Masks with shades of grey are cut above 127 instead of refused."""
    empty_masks: EmptyMasks = "refuse"
    """What to make of an empty mask where the folder promises a defect."""
    unmasked_free: bool = False
    """Pictures without a mask are free instead of refused."""


@dataclass(frozen=True)
class ReadImage:
    """What became of one picture."""

    source: SourceImage
    faults: tuple[Fault, ...] = ()
    encoded: EncodedImage | None = None
    """None when it is at fault or skipped."""
    statistics: ImageStatistics | None = None
    digest: str = ""


class _FaultError(Exception):
    """A file cannot be used; holds the fault."""

    def __init__(self, file: PurePosixPath, problem: str) -> None:
        super().__init__(problem)
        self.fault = Fault(str(file), problem)


@dataclass(frozen=True)
class ReadJob:
    """Reads one picture of a source; sent to each worker once."""

    root: Path
    ids: Mapping[PurePosixPath, str]
    choices: Choices

    def __call__(self, source: SourceImage) -> ReadImage:
        """Read one picture; both it and its masks are looked at, whichever is at fault."""
        if source.unmasked and not self.choices.unmasked_free:
            problem = "no mask; add one (all black when free), or use --unmasked-free"
            return ReadImage(source, (Fault(str(source.file), problem),))
        faults: list[Fault] = []
        plane = self._picture(source, faults)
        regions = self._regions(source, None if plane is None else plane.shape, faults)
        if faults or plane is None:
            return ReadImage(source, tuple(faults))
        if source.promised_class and not any(region.any() for _, region in regions):
            if self.choices.empty_masks == "skip":
                return ReadImage(source)
            if self.choices.empty_masks == "refuse":
                return ReadImage(source, (_empty_mask(source),))
        return self._finish(source, plane, regions)

    def _picture(self, source: SourceImage, faults: list[Fault]) -> NDArray[np.uint8] | None:
        """Read the picture; None, and a fault more, when it cannot be used."""
        try:
            plane = self._decode(source.file)
            _check_declared(source, plane)
        except _FaultError as error:
            faults.append(error.fault)
            return None
        return plane

    def _regions(
        self, source: SourceImage, shape: tuple[int, ...] | None, faults: list[Fault]
    ) -> list[tuple[str, NDArray[np.bool_]]]:
        """Read classes and regions; where the image is unreadable, only look for more faults."""
        found = []
        for mark in (*source.masks, *(source.regions if shape else ())):
            try:
                if isinstance(mark, MaskFile):
                    found.append((mark.class_name, self._read_mask(mark, shape)))
                elif shape is not None:
                    found.append((mark.class_name, _draw(mark, shape, source)))
            except _FaultError as error:
                faults.append(error.fault)
        return found

    def _finish(
        self,
        source: SourceImage,
        plane: NDArray[np.uint8],
        regions: Sequence[tuple[str, NDArray[np.bool_]]],
    ) -> ReadImage:
        mask = np.zeros(plane.shape, np.bool_)
        for _, region in regions:
            mask |= region
        image_id = self.ids[source.file]
        encoded = encode_image(
            image_id,
            plane,
            mask,
            group=source.group or image_id,
            defects=self._defects(plane, mask, regions),
            attributes={"file": str(source.file), **source.attributes},
        )
        return ReadImage(source, (), encoded, image_statistics(plane), content_digest(plane))

    def _defects(
        self,
        plane: NDArray[np.uint8],
        mask: NDArray[np.bool_],
        regions: Sequence[tuple[str, NDArray[np.bool_]]],
    ) -> Iterator[DefectRecord]:
        """Yield the defects of an image one by one: together they may not fit into memory."""
        for name, region in regions:
            for part in connected_parts(region):
                seen = measure_defect(plane, part, mask)
                class_name = self.choices.class_name or name
                yield DefectRecord(class_name, part, seen.contrast_to_noise, seen.width_px)

    def _read_mask(self, mask: MaskFile, shape: tuple[int, ...] | None) -> NDArray[np.bool_]:
        grey = self._decode(mask.file)
        if shape is not None and grey.shape != shape:
            raise _FaultError(
                mask.file,
                f"a mask of {grey.shape[1]} x {grey.shape[0]} pixels; its image has "
                f"{shape[1]} x {shape[0]}",
            )
        if mask.soft or self.choices.soft_masks:
            return grey > 127
        levels = self._levels(mask.file, grey)
        values = np.unique(levels)
        if np.count_nonzero(values) > 1:
            raise _FaultError(
                mask.file,
                f"a mask of {describe_values(values)}; accepted: 0 and one other, or use "
                "--soft-masks to cut it above 127",
            )
        return levels > 0

    def _levels(self, file: PurePosixPath, grey: NDArray[np.uint8]) -> NDArray[Any]:
        """Return a mask's values as stored: those of 16 bit may be nothing in 8."""
        with Image.open(self.root / file) as picture:
            if len(picture.getbands()) > 1:
                raise _FaultError(
                    file,
                    f"a mask in colour ({picture.mode}); accepted: one grey plane of two values, "
                    "or use --soft-masks to cut its grey above 127",
                )
            return np.asarray(picture) if picture.mode.startswith("I;16") else grey

    def _decode(self, file: PurePosixPath) -> NDArray[np.uint8]:
        try:
            return decode_image((self.root / file).read_bytes()).plane
        except ImageError as error:
            raise _FaultError(file, str(error)) from error
        except FileNotFoundError as error:
            raise _FaultError(file, "missing") from error


def _empty_mask(source: SourceImage) -> Fault:
    file = source.masks[0].file if source.masks else source.file
    problem = (
        f"an empty mask, though its class is {source.promised_class}; mend it, or use "
        "--empty-masks free or skip"
    )
    return Fault(str(file), problem)


def _check_declared(source: SourceImage, plane: NDArray[np.uint8]) -> None:
    """Compare a picture's size with what its annotation says."""
    height, width = plane.shape
    if source.declared_size is not None and source.declared_size != (width, height):
        declared = "{} x {}".format(*source.declared_size)
        problem = f"says {source.file.name} has {declared} pixels; it has {width} x {height}"
        raise _FaultError(source.annotation or source.file, problem)


def connected_parts(region: NDArray[np.bool_]) -> Iterator[NDArray[np.bool_]]:
    """Yield the connected parts of a region ``(H, W)``, each of its shape, bool."""
    labels, count = ndimage.label(region, structure=_TOUCHING)
    for label in range(1, count + 1):
        yield labels == label


def _draw(
    region: Polygons | RunLengths, shape: tuple[int, ...], source: SourceImage
) -> NDArray[np.bool_]:
    """Draw an annotated region at the size of its image ``(H, W)``."""
    file = source.annotation or source.file
    if isinstance(region, Polygons):
        if not all(_is_near(polygon, shape) for polygon in region.polygons):
            raise _FaultError(file, f"a polygon far outside {source.file.name}")
        mask = np.zeros(shape, np.bool_)
        for part in coco.frPyObjects([list(polygon) for polygon in region.polygons], *shape):
            mask |= decode_region(shape[0], shape[1], part["counts"].decode("ascii"))
        return mask
    if region.size != shape:
        raise _FaultError(
            file,
            f"a region of {region.size[1]} x {region.size[0]} pixels for {source.file.name}, "
            f"which has {shape[1]} x {shape[0]}",
        )
    counts = region.counts
    try:
        if not isinstance(counts, str):
            plain = {"size": list(shape), "counts": list(counts)}
            counts = coco.frPyObjects(plain, *shape)["counts"].decode("ascii")
        return decode_region(shape[0], shape[1], counts)
    except ValueError as error:
        raise _FaultError(file, f"{error} in a region of {source.file.name}") from error


def _is_near(polygon: Sequence[float], shape: tuple[int, ...]) -> bool:
    """Say whether a polygon lies within an image's size of it: rasterising takes its outline."""
    height, width = shape
    points = np.asarray(polygon).reshape(-1, 2)
    return bool((points >= (-width, -height)).all() and (points <= (2 * width, 2 * height)).all())
