"""Where images come from: the test images of a version, a set on disk, uploads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from blemish.arrays import Mask, Plane
from blemish.errors import ImageContentError, ImageError
from blemish.files import canonical_json, sha256_bytes
from blemish.imaging import decode_image
from blemish.registry import StoredImage

_MASK = ".mask.png"  # as `blemish predict` names its masks
_HALF = 127


@dataclass(frozen=True)
class ImageEntry:
    """One image of a collection, as far as it is known without opening it."""

    image_id: str
    set_name: str = ""
    group: str = ""
    classes: tuple[str, ...] = ()
    clean: bool = False
    """A person declared it defect-free, without drawing a mask."""

    @property
    def part(self) -> str:
        """The part that the image shows: its group, in its set."""
        return f"{self.set_name}/{self.group or self.image_id}"


@dataclass(frozen=True)
class OpenedImage:
    """An image opened.

    Attributes:
        plane: Shape ``(H, W)``, uint8.
        truth: Same shape, bool; None where nobody has painted one.
        sha256: SHA-256 of the plane with its shape.
        prepared: It is at the model's scale already.
    """

    plane: Plane
    truth: Mask | None
    sha256: str
    prepared: bool = False


@dataclass(frozen=True)
class ImageCollection:
    """Images in order; opened when asked for.

    Attributes:
        name: What a person calls it.
        digest: Changes when any image does.
        entries: One for each image.
        open: Returns image ``i`` as plane and truth.
        refused: Files that are no image of ours, and why.
        prepared: Its images are at the model's scale already.
        region: Region of interest of every image, shape ``(H, W)``; None where all counts.
    """

    name: str
    digest: str
    entries: tuple[ImageEntry, ...]
    open: Callable[[int], tuple[Plane, Mask | None]] = field(repr=False, compare=False)
    refused: tuple[tuple[str, str], ...] = ()
    prepared: bool = False
    region: Mask | None = field(default=None, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.entries)

    def image(self, index: int) -> OpenedImage:
        """Open image ``index``."""
        plane, truth = self.open(index)
        head = f"{plane.shape}{self.prepared}".encode()
        return OpenedImage(plane, truth, sha256_bytes(head + plane.tobytes()), self.prepared)

    def index(self, image_id: str) -> int | None:
        """Return where an image stands, None when it is not here."""
        for number, entry in enumerate(self.entries):
            if entry.image_id == image_id:
                return number
        return None


def collection_of_uploads(files: Sequence[tuple[str, bytes]]) -> ImageCollection:
    """Make a collection of uploaded files; those that the image decoder refuses carry its reason.

    Args:
        files: Name and bytes of each; ``NAME.mask.png`` is the truth of the image ``NAME.*``.
    """
    entries, digests = list[ImageEntry](), list[str]()
    kept: list[tuple[bytes, bytes | None]] = []
    refused: list[tuple[str, str]] = []
    masks = {name.removesuffix(_MASK): data for name, data in files if name.endswith(_MASK)}
    for name, data in (file for file in files if not file[0].endswith(_MASK)):
        try:
            decoded = decode_image(data)
            mask = masks.pop(PurePath(name).stem, None)
            truth = _truth(mask, decoded.plane.shape)
        except ImageError as error:
            refused.append((name, str(error)))
            continue
        unused = _unused_name(name, {entry.image_id for entry in entries})
        entries.append(ImageEntry(unused, set_name="uploads"))
        kept.append((data, mask))
        digests.append(decoded.sha256 + ("" if truth is None else sha256_bytes(truth.tobytes())))
    refused += [(f"{stem}{_MASK}", "No image of that name was uploaded.") for stem in masks]

    def open_image(index: int) -> tuple[Plane, Mask | None]:
        data, mask = kept[index]  # decoded each time: files take a tenth of the memory
        plane = decode_image(data).plane
        return plane, _truth(mask, plane.shape)

    return ImageCollection(
        name="Uploads",
        digest=sha256_bytes(canonical_json([[e.image_id for e in entries], digests])),
        entries=tuple(entries),
        open=open_image,
        refused=tuple(refused),
    )


def _truth(data: bytes | None, shape: tuple[int, ...]) -> Mask | None:
    """Read an uploaded mask; None where none was uploaded.

    Raises:
        ImageError: It is no image, or of another size than its image.
    """
    if data is None:
        return None
    plane = decode_image(data).plane
    if plane.shape != shape:
        raise ImageContentError(
            f"Its mask is {plane.shape[1]} x {plane.shape[0]} pixels; expected "
            f"{shape[1]} x {shape[0]}, as the image."
        )
    return plane > _HALF


def collection_of_run_images(
    name: str, run_id: str, images: Sequence[StoredImage]
) -> ImageCollection:
    """Make a collection of the test or validation images that a run keeps."""

    def open_image(index: int) -> tuple[Plane, Mask | None]:
        return images[index].plane(), images[index].mask()

    return ImageCollection(
        name=name,
        digest=sha256_bytes(f"{name}:{run_id}:{len(images)}".encode()),
        entries=tuple(
            ImageEntry(image.image_id, image.set_name, image.group, image.classes)
            for image in images
        ),
        open=open_image,
        prepared=True,
    )


def collection_of_set(folder: Path) -> ImageCollection:
    """Make a collection of a set on disk, opened lazily.

    Raises:
        DataError: The folder holds no set of ours.
    """
    from blemish.preprocessing import preprocess_image  # noqa: PLC0415 - as above
    from blemish.sets import read_set  # noqa: PLC0415 - not installed beside a server

    images = read_set(folder)
    classes = {
        row.image_id: tuple(sorted(images.classes_of(row.image_id)))
        for row in images.rows
        if row.defective
    }

    def open_image(index: int) -> tuple[Plane, Mask | None]:
        return preprocess_image(images.image(index)), images.mask(index)

    changed_ns = (folder / "index.csv").stat().st_mtime_ns
    return ImageCollection(
        name=images.name,
        digest=sha256_bytes(f"{folder.resolve()}:{changed_ns}".encode()),
        entries=tuple(
            ImageEntry(r.image_id, images.name, r.group, classes.get(r.image_id, ()), r.clean)
            for r in images.rows
        ),
        open=open_image,
        region=images.region,
    )


def _unused_name(name: str, taken: set[str]) -> str:
    number, unused = 1, name
    while unused in taken:
        number += 1
        unused = f"{name} ({number})"
    return unused
