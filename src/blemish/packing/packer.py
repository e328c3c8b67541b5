"""From sets on disk to packed splits: every image checked, brought to scale, and dealt out."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blemish.arrays import Mask
from blemish.files import whole_folder, write_json
from blemish.image_statistics import ImageStatistics, image_statistics
from blemish.packed import (
    SPLITS,
    Annotation,
    PackedDefect,
    PackedImage,
    PackedWriter,
    pack_image,
)
from blemish.packing.lacks import name_lacks
from blemish.packing.split_statistics import describe_splits
from blemish.packing.splits import Splitting, check_hold_out
from blemish.parallel import ordered_map
from blemish.preprocessing import Resizing, preprocess_image
from blemish.sets import (
    REGION_FILE,
    SYNTHETIC,
    CheckedImage,
    Fault,
    ImageSet,
    check_image,
    check_index,
    find_duplicates,
    name_in_data,
    refuse,
)

_ADVICE = "Fix or remove each, import the set again (blemish import), then run: dvc repro"


@dataclass(frozen=True)
class _Outcome:
    """What a worker made of one image."""

    name: str
    group: str
    digest: str
    faults: tuple[Fault, ...]
    packed: PackedImage | None = None
    statistics: ImageStatistics | None = None


@dataclass(frozen=True)
class _PackJob:
    """Checks and packs image ``index`` of a set; sent to each worker once."""

    sets: Sequence[ImageSet]
    regions: Sequence[Mask | None]
    resizing: Resizing

    def __call__(self, item: tuple[int, int]) -> _Outcome:
        images, index = self.sets[item[0]], item[1]
        row = images.rows[index]
        name, group = name_in_data(images.image_path(index)), f"{images.name}/{row.group}"
        checked = check_image(images, index)
        if not isinstance(checked, CheckedImage):
            return _Outcome(name, group, "", checked)
        plane = preprocess_image(checked.plane, self.resizing)
        region = self._region(item[0])
        instances, defects = _prepare_defects(checked, self.resizing, region)
        height, width = plane.shape
        annotation = Annotation(
            row.image_id, images.name, row.group, width, height, defects, row.attributes, row.clean
        )
        packed = pack_image(annotation, plane, instances, region)
        return _Outcome(name, group, checked.digest, (), packed, image_statistics(plane))

    def _region(self, number: int) -> Mask | None:
        """Return the region of interest of a set at the model's scale."""
        region = self.regions[number]
        return None if region is None else self.resizing.instances(region.astype(np.uint16)) > 0


def _prepare_defects(
    checked: CheckedImage, resizing: Resizing, region: Mask | None
) -> tuple[NDArray[np.uint16], tuple[PackedDefect, ...]]:
    """Return the instance map at the model's scale, and the defects that it still shows.

    What lies outside the region of interest is left out here, once for every reader: a defect
    beside the part would attract crops, count as labelled and be judged.
    """
    scaled = resizing.instances(checked.instances)
    factor = float(np.sqrt(scaled.size / checked.instances.size))
    if region is not None:
        scaled = np.where(region, scaled, np.uint16(0))
    areas = np.bincount(scaled.ravel(), minlength=len(checked.defects) + 1)
    numbers = np.zeros(len(areas), np.uint16)
    kept = []
    for number, defect in enumerate(checked.defects, 1):
        if areas[number]:
            width = None if defect.width_px is None else round(defect.width_px * factor, 3)
            area = int(areas[number])
            kept.append(PackedDefect(defect.class_name, area, width, defect.contrast_to_noise))
            numbers[number] = len(kept)
    return numbers[scaled], tuple(kept)


def _check_splits(images: ImageSet, splits: Mapping[str, str]) -> list[Fault]:
    """Find splits of the synthetic set that would get no defect, or nothing at all."""
    faults = []
    defective = {row.group for row in images.rows if row.defective}
    for split in SPLITS:
        groups = [group for group, chosen in splits.items() if chosen == split]
        if images.rows and not defective.intersection(groups):
            problem = "no defect at all" if groups else "nothing at all"
            faults.append(
                Fault(
                    f"{images.folder.name}/index.csv",
                    f"{problem} in split {split}: {len(splits)} groups, {len(defective)} "
                    f"with a defect; at least {len(SPLITS)} such groups are needed",
                )
            )
    return faults


def _check_sets(
    sets: Sequence[ImageSet], assigned: Sequence[Mapping[str, str]]
) -> tuple[list[Fault], list[Mask | None]]:
    """Check sets as a whole; return what is wrong, and the region of interest of each."""
    faults: list[Fault] = []
    regions = []
    for images, splits in zip(sets, assigned, strict=True):
        faults += check_index(images)
        if images.about["source_layout"] == SYNTHETIC:
            faults += _check_splits(images, splits)
        region_fault = f"{images.folder.name}/{REGION_FILE}" in {fault.file for fault in faults}
        regions.append(None if region_fault else images.region)
    return faults, regions


@dataclass(frozen=True)
class Part:
    """Some sets that are packed into one folder."""

    sets: Sequence[ImageSet]
    out: Path
    """The folder that appears: ``<split>.bin``, ``<split>.json``, ``statistics.json``."""


class _PartWriter:
    """Writes the folder of a part, inside the context of ``stack``."""

    def __init__(self, part: Part, stack: ExitStack) -> None:
        self.folder = stack.enter_context(whole_folder(part.out))
        self._splits = {
            split: stack.enter_context(PackedWriter(self.folder, split)) for split in SPLITS
        }
        self._seen: list[tuple[str, Annotation, ImageStatistics]] = []

    def add(self, split: str, packed: PackedImage, statistics: ImageStatistics) -> None:
        self._splits[split].add(packed)
        self._seen.append((split, packed.annotation, statistics))

    def describe(self, notes: list[str]) -> dict[str, Any]:
        """Write ``statistics.json`` and return its content."""
        summary = describe_splits(self._seen) | {"notes": notes}
        write_json(self.folder / "statistics.json", summary)
        return summary


def pack_sets(
    parts: Sequence[Part],
    splitting: Splitting,
    resizing: Resizing,
    *,
    workers: int = 1,
    track: Callable[[Iterator[Any], int], Iterable[Any]] = lambda results, _: results,
) -> list[dict[str, Any]]:
    """Write train, val and test of each part, with their statistics; all of it or nothing.

    The bytes of a part depend on its own sets alone.

    Args:
        parts: Which sets go where, in which order; a part without sets gets empty splits.
        splitting: How groups are dealt out.
        resizing: The scale at which the model works.
        workers: Number of processes; changes no byte.
        track: Wraps the results to show progress; is given them and how many will come.

    Returns:
        The content of ``statistics.json`` of each part; its ``notes`` say what a set lacks.

    Raises:
        DataError: Any file of any set cannot be used; names each of them once.
        ParamsError: No image is what should be held out.
    """
    sets = [images for part in parts for images in part.sets]
    check_hold_out(sets, splitting)
    assigned = [splitting.assign(images) for images in sets]
    faults, regions = _check_sets(sets, assigned)
    items = [(s, index) for s, images in enumerate(sets) for index in range(len(images))]
    results = ordered_map(_PackJob(sets, regions, resizing), items, workers)
    identities = []
    with ExitStack() as stack:
        writers = [_PartWriter(part, stack) for part in parts]
        writer_of = [one for one, part in zip(writers, parts, strict=True) for _ in part.sets]
        for (s, _), outcome in zip(items, track(results, len(items)), strict=True):
            faults += outcome.faults
            if outcome.packed is not None and outcome.statistics is not None:
                split = assigned[s][outcome.packed.annotation.group]
                writer_of[s].add(split, outcome.packed, outcome.statistics)
                identities.append((outcome.name, outcome.group, outcome.digest))
        refuse([*faults, *find_duplicates(identities)], _ADVICE)
        splits = iter(assigned)
        notes = [
            [note for images in part.sets for note in name_lacks(images, next(splits))]
            for part in parts
        ]
        return [one.describe(lacks) for one, lacks in zip(writers, notes, strict=True)]
