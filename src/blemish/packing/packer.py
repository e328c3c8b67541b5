"""From sets on disk to packed splits: every image checked, brought to scale, and dealt out."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from blemish.errors import ParamsError
from blemish.files import whole_folder, write_json
from blemish.image_statistics import ImageStatistics, image_statistics
from blemish.packed import (
    SPLITS,
    PackedDefect,
    PackedImage,
    PackedRecord,
    PackedWriter,
    pack_image,
)
from blemish.packing.split_statistics import describe_splits
from blemish.packing.splits import Sample, assign_splits
from blemish.parallel import ordered_map
from blemish.png import Plane
from blemish.sets import (
    CheckedImage,
    Fault,
    ImageSet,
    IndexRow,
    check_image,
    check_index,
    find_duplicates,
    name_in_data,
    refuse,
)

_ADVICE = "Mend or remove each, import the set again (blemish import), then run: dvc repro"


class Preparation(Protocol):
    """How images and instance maps are brought to what the model sees."""

    def image(self, plane: Plane) -> NDArray[np.uint8]:
        """Return the plane the model sees, shape ``(h, w)``."""
        ...

    def instances(self, instances: NDArray[np.uint16]) -> NDArray[np.uint16]:
        """Return the instance map at the same scale."""
        ...


@dataclass(frozen=True)
class Splitting:
    """How groups are dealt out: shares of val and test, seed, what is held out (``key=value``)."""

    shares: Mapping[str, float]
    seed: int
    hold_out: str | None = None

    def assign(self, images: ImageSet) -> dict[str, str]:
        """Assign every group of a set to a split."""
        samples = [
            Sample(row.group, images.classes_of(row.image_id), held_out=self.holds_out(row))
            for row in images.rows
        ]
        rest = 1.0 - sum(self.shares.values())
        return assign_splits(images.name, samples, {"train": rest, **self.shares}, self.seed)

    def holds_out(self, row: IndexRow) -> bool:
        """Say whether an image only tests."""
        key, equals, value = (self.hold_out or "").partition("=")
        return bool(equals) and str(row.attributes.get(key)) == value


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
    preparation: Preparation

    def __call__(self, item: tuple[int, int]) -> _Outcome:
        images, index = self.sets[item[0]], item[1]
        row = images.rows[index]
        name, group = name_in_data(images.image_path(index)), f"{images.name}/{row.group}"
        checked = check_image(images, index)
        if not isinstance(checked, CheckedImage):
            return _Outcome(name, group, "", checked)
        plane = self.preparation.image(checked.plane)
        instances, defects = _prepare_defects(checked, self.preparation)
        height, width = plane.shape
        record = PackedRecord(
            row.image_id, images.name, row.group, width, height, defects, row.attributes
        )
        packed = pack_image(record, plane, instances)
        return _Outcome(name, group, checked.digest, (), packed, image_statistics(plane))


def _prepare_defects(
    checked: CheckedImage, preparation: Preparation
) -> tuple[NDArray[np.uint16], tuple[PackedDefect, ...]]:
    """Return the instance map at the model's scale, and the defects that it still shows."""
    scaled = preparation.instances(checked.instances)
    factor = float(np.sqrt(scaled.size / checked.instances.size))
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


def _check_hold_out(sets: Sequence[ImageSet], splitting: Splitting) -> None:
    """Refuse a value that no image has: the test split would silently be another."""
    rows = [row for images in sets for row in images.rows]
    if splitting.hold_out is None or any(map(splitting.holds_out, rows)):
        return
    key = splitting.hold_out.partition("=")[0]
    known = sorted({str(row.attributes[key]) for row in rows if key in row.attributes})
    accepted = ", ".join(f"{key}={value}" for value in known) or f"no image has {key!r}"
    raise ParamsError(
        f"preprocess.split.hold_out: no image is {splitting.hold_out}; accepted: {accepted}."
    )


def _check_splits(sets: Sequence[ImageSet], assigned: Sequence[Mapping[str, str]]) -> list[Fault]:
    """Find splits that would get no defect of a set, or nothing at all."""
    faults = []
    for images, splits in zip(sets, assigned, strict=True):
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


def pack_sets(
    sets: Sequence[ImageSet],
    out: Path,
    splitting: Splitting,
    preparation: Preparation,
    *,
    workers: int = 1,
    track: Callable[[Iterator[Any], int], Iterable[Any]] = lambda results, _: results,
) -> dict[str, Any]:
    """Write train, val and test of some sets, with their statistics; all of it or nothing.

    Args:
        sets: Which sets, in which order.
        out: The folder that appears: ``<split>.bin``, ``<split>.json``, ``statistics.json``.
        splitting: How groups are dealt out.
        preparation: How images are brought to what the model sees; must be picklable.
        workers: Number of processes; changes no byte.
        track: Wraps the results to show progress; is given them and how many will come.

    Returns:
        The content of ``statistics.json``.

    Raises:
        DataError: Any file of any set cannot be used; names each of them once.
        ParamsError: No image is what should be held out.
    """
    _check_hold_out(sets, splitting)
    assigned = [splitting.assign(images) for images in sets]
    faults = [fault for images in sets for fault in check_index(images)]
    faults += _check_splits(sets, assigned)
    items = [(s, index) for s, images in enumerate(sets) for index in range(len(images))]
    results = ordered_map(_PackJob(sets, preparation), items, workers)
    seen: list[tuple[str, PackedRecord, ImageStatistics]] = []
    identities = []
    with whole_folder(out) as folder, ExitStack() as stack:
        writers = {split: stack.enter_context(PackedWriter(folder, split)) for split in SPLITS}
        for (s, _), outcome in zip(items, track(results, len(items)), strict=True):
            faults += outcome.faults
            if outcome.packed is not None:
                split = assigned[s][outcome.packed.record.group]
                writers[split].add(outcome.packed)
                seen.append((split, outcome.packed.record, outcome.statistics))
                identities.append((outcome.name, outcome.group, outcome.digest))
        refuse([*faults, *find_duplicates(identities)], _ADVICE)
        summary = describe_splits(seen)
        write_json(folder / "statistics.json", summary)
    return summary
