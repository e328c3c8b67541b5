"""Many images with drawn defects from few photographs, for training."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import overload

import numpy as np
from numpy.typing import NDArray

from blemish.arrays import Mask, Plane
from blemish.config.drawing import Drawing
from blemish.errors import DataError
from blemish.parallel import ordered_map
from blemish.photographs.region_of_interest import find_parts
from blemish.photographs.retouching import draw_on

_ORDER, _PLACES, _DEFECTS = range(3)  # streams of random numbers


@dataclass(frozen=True)
class Photograph:
    """A photograph of a defect-free part.

    Attributes:
        name: Of the photograph, such as its image id.
        plane: Shape ``(H, W)``, uint8.
        region: The region of interest, same shape, bool; None: look for the part.
    """

    name: str
    plane: Plane
    region: Mask | None = None


@dataclass(frozen=True)
class DrawnPhotograph:
    """A photograph, or a window of one, with defects drawn onto it.

    Attributes:
        index: Its number in the bank, from 0.
        source: Name of the photograph.
        image: Shape ``(H, W)``, uint8.
        instances: Same shape, uint16: 0, or the number of the defect, from 1.
        classes: Class of each defect, in the order of those numbers.
        region: Window of the photograph's region of interest, same shape, bool, where it has one.
            No defect lies outside it.
    """

    index: int
    source: str
    image: Plane
    instances: NDArray[np.uint16]
    classes: tuple[str, ...]
    region: Mask | None = None

    @property
    def mask(self) -> Plane:
        """Shape ``(H, W)``, uint8, 0 or 255."""
        return np.where(self.instances > 0, np.uint8(255), np.uint8(0))


@dataclass(frozen=True)
class _Task:
    """What a worker gets of the photographs: two windows."""

    index: int
    source: str
    image: Plane
    part: Mask | None
    donor: Plane
    limited: bool
    """Whether the part is the region of interest of the photograph, not one that was found."""


def draw_bank(
    photographs: Sequence[Photograph],
    drawing: Drawing,
    *,
    seed: int,
    count: int,
    size: int = 256,
    workers: int = 1,
) -> Iterator[DrawnPhotograph]:
    """Draw defects onto photographs, each photograph as often as the others, to within one.

    An image of the bank depends on the photographs, ``drawing``, ``seed``, ``size`` and its index
    alone, not on how many are drawn by how many workers.

    Where most photographs show a part before a plain background, those in which it is not found
    are left out: a defect drawn beside a part would teach marks on nothing.

    Args:
        photographs: Read one by one; may be a sequence that loads each when it is asked for.
        drawing: What to draw.
        seed: Of all chance.
        count: Number of images.
        size: Largest side of an image, px: of a larger photograph a window is drawn on.
        workers: Number of processes.

    Yields:
        The images, in the order of their index. An image in which nothing drawn would show
        is rare, and has no defect.

    Raises:
        DataError: There is no photograph.
    """
    if not photographs:
        raise DataError(
            "There is no clean photograph to draw defects onto; at least one is needed. "
            "Import some: blemish import FOLDER --name NAME --clean"
        )
    parts = _parts(photographs)
    tasks = _Tasks(photographs, tuple(parts), tuple(parts.values()), seed, count, size)
    yield from ordered_map(partial(_draw, drawing, seed), tasks, workers)


def _parts(photographs: Sequence[Photograph]) -> dict[int, Mask | None]:
    """Return which photographs to draw on, and where the part is in each: as given, else found."""
    parts = {index: photograph.region for index, photograph in enumerate(photographs)}
    missing = [index for index, region in parts.items() if region is None]
    found = find_parts(photographs[index].plane for index in missing)
    parts |= dict(zip(missing, found, strict=True))
    if any(region is not None for region in found):
        return {index: region for index, region in parts.items() if region is not None}
    return parts


@dataclass(frozen=True)
class _Tasks(Sequence[_Task]):
    """The tasks of a bank, each made when it is asked for."""

    photographs: Sequence[Photograph]
    numbers: Sequence[int]
    """Which of them to draw on."""
    parts: Sequence[Mask | None]
    """Where the part is in each of those."""
    seed: int
    length: int
    size: int

    def __len__(self) -> int:
        return self.length

    @overload
    def __getitem__(self, item: int) -> _Task: ...
    @overload
    def __getitem__(self, item: slice) -> list[_Task]: ...
    def __getitem__(self, item: int | slice) -> _Task | list[_Task]:
        if isinstance(item, slice):
            return [self._task(index) for index in range(*item.indices(self.length))]
        if not 0 <= item < self.length:
            raise IndexError(item)
        return self._task(item)

    def _task(self, index: int) -> _Task:
        rng = np.random.default_rng((self.seed, _PLACES, index))
        place = self._place(index)
        photograph, part = self.photographs[self.numbers[place]], self.parts[place]
        rows, columns = _window(rng, photograph.plane.shape, part, self.size)
        return _Task(
            index,
            photograph.name,
            np.ascontiguousarray(photograph.plane[rows, columns]),
            None if part is None else np.ascontiguousarray(part[rows, columns]),
            self._donor(rng, place),
            photograph.region is not None,
        )

    def _place(self, index: int) -> int:
        """Return the place of an image's photograph: each pass has an order of its own."""
        turn, step = divmod(index, len(self.numbers))
        order = np.random.default_rng((self.seed, _ORDER, turn)).permutation(len(self.numbers))
        return int(order[step])

    def _donor(self, rng: np.random.Generator, place: int) -> Plane:
        """Cut a window of another photograph; of the same one where there is no other."""
        others = len(self.numbers) - 1
        other = (place + 1 + int(rng.integers(others))) % (others + 1) if others else place
        plane, part = self.photographs[self.numbers[other]].plane, self.parts[other]
        rows, columns = _window(rng, plane.shape, part, self.size)
        if part is not None:  # no background in it, if the part allows
            rows, columns = _inside(part, rows, columns)
        return np.ascontiguousarray(plane[rows, columns])


def _window(
    rng: np.random.Generator, shape: tuple[int, ...], part: Mask | None, size: int
) -> tuple[slice, slice]:
    """Choose a window of at most ``size`` px a side that shows the part."""
    inside = np.flatnonzero(part) if part is not None else np.empty(0, np.int64)
    if inside.size:
        row, column = divmod(int(inside[rng.integers(inside.size)]), shape[1])
        row, column = (int(at + rng.uniform(-0.4, 0.4) * size) for at in (row, column))
    else:
        row, column = (int(rng.integers(side)) for side in shape)
    return _span(row, shape[0], size), _span(column, shape[1], size)


def _span(centre: int, side: int, size: int) -> slice:
    length = min(size, side)
    start = int(np.clip(centre - length // 2, 0, side - length))
    return slice(start, start + length)


def _inside(part: Mask, rows: slice, columns: slice) -> tuple[slice, slice]:
    """Shrink a window to the rows and columns that lie on the part for their greater share."""
    view = part[rows, columns]
    tall = np.flatnonzero(view.mean(axis=1) > 0.5)
    wide = np.flatnonzero(view.mean(axis=0) > 0.5)
    if len(tall) < 16 or len(wide) < 16:
        return rows, columns
    return (
        slice(rows.start + int(tall[0]), rows.start + int(tall[-1]) + 1),
        slice(columns.start + int(wide[0]), columns.start + int(wide[-1]) + 1),
    )


def _draw(drawing: Drawing, seed: int, task: _Task) -> DrawnPhotograph:
    """Draw one image of a bank."""
    sequence = np.random.SeedSequence((seed, _DEFECTS, task.index))
    drawn = draw_on(task.image, task.part, task.donor, drawing, sequence)
    instances = np.zeros(task.image.shape, dtype=np.uint16)
    classes: list[str] = []
    region = task.part if task.limited else None
    allowed = True if region is None else region
    for defect in drawn.defects:
        own = defect.mask & (instances == 0) & allowed
        if own.any():
            classes.append(defect.class_name)
            instances[own] = len(classes)
    return DrawnPhotograph(task.index, task.source, drawn.image, instances, tuple(classes), region)
