"""Photographs that EXIF turns: masks follow the image as stored, or the import asks."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps
from unit.importing.test_layouts import faults_of, run
from unit.tiny_sources import save

from blemish.importing.orientation import read_orientation, shown_shape, to_stored

SHAPE = (48, 64)
TURNED = range(2, 9)
SIDEWAYS = (5, 6, 7, 8)


def write_photograph(path: Path, orientation: int, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """Write a bright photograph with a dark bar; return the bar as a viewer shows it, 0 or 255."""
    plane = np.full(shape, 200, np.uint8)
    plane[6:14, 10:40] = 20
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(plane).save(path, quality=95, exif=exif)
    with Image.open(path) as image:
        shown = np.asarray(ImageOps.exif_transpose(image))
    return ((shown < 100) * 255).astype(np.uint8)


def covers_the_bar(source: Path, **choices: object) -> bool:
    images = run(source, **choices)
    plane, mask = images.image(0), images.mask(0)
    return bool(mask.any() and (plane[mask] < 100).all() and (plane[~mask] > 100).all())


def outline(bar: np.ndarray) -> list[list[float]]:
    rows, columns = np.flatnonzero(bar.any(axis=1)), np.flatnonzero(bar.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return [[float(x), float(y)] for x, y in corners]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_back_is_the_inverse_of_what_viewers_do(orientation: int, tmp_path: Path) -> None:
    """Pillow turns a stored plane as viewers do; turning back gives the stored plane again."""
    plane = np.random.default_rng(orientation).integers(0, 256, (3, 5), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(plane).save(tmp_path / "x.png", exif=exif)
    with Image.open(tmp_path / "x.png") as image:
        shown = np.asarray(ImageOps.exif_transpose(image))
    assert read_orientation((tmp_path / "x.png").read_bytes()) == orientation
    assert shown_shape((3, 5), orientation) == shown.shape
    assert np.array_equal(to_stored(shown, orientation), plane)


@pytest.mark.parametrize("orientation", TURNED)
def test_a_tiff_that_pillow_does_not_open_is_turned_too(tmp_path: Path, orientation: int) -> None:
    """The orientation of 16-bit colour in planes is read as the decoder reads it."""
    planes = np.zeros((3, 4, 5), np.uint16)
    tags = [(0x0112, 3, 1, orientation, True)]
    tifffile.imwrite(
        tmp_path / "x.tif", planes, photometric="rgb", planarconfig="separate", extratags=tags
    )
    assert read_orientation((tmp_path / "x.tif").read_bytes()) == orientation


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("declared", [True, False])
def test_labelme_marks_the_image_as_shown(
    tmp_path: Path, orientation: int, *, declared: bool
) -> None:
    """LabelMe turns an image before it is marked; the mask lies on the stored one."""
    bar = write_photograph(tmp_path / "source/a.jpg", orientation)
    size = {"imageHeight": bar.shape[0], "imageWidth": bar.shape[1]} if declared else {}
    shape = {"label": "scratch", "points": outline(bar)}
    document = {"imagePath": "a.jpg", "shapes": [shape], **size}
    (tmp_path / "source/a.json").write_text(json.dumps(document))
    assert covers_the_bar(tmp_path / "source")


@pytest.mark.parametrize("orientation", SIDEWAYS)
@pytest.mark.parametrize("shown", [True, False])
def test_the_size_of_a_mask_tells_which_image_it_is_of(
    tmp_path: Path, orientation: int, *, shown: bool
) -> None:
    """A mask of the turned size is turned back; one of the stored size is left."""
    bar = write_photograph(tmp_path / "source/images/a.jpg", orientation)
    save(tmp_path / "source/masks/a.png", bar if shown else to_stored(bar, orientation))
    assert covers_the_bar(tmp_path / "source")


@pytest.mark.parametrize(
    ("orientation", "shape"), [(2, SHAPE), (3, SHAPE), (4, SHAPE), (6, (64, 64)), (8, (64, 64))]
)
def test_where_the_size_does_not_tell_the_import_asks(
    tmp_path: Path, orientation: int, shape: tuple[int, int]
) -> None:
    """Such masks are refused, naming EXIF; either answer of a person is followed."""
    source = tmp_path / "source"
    bar = write_photograph(source / "images/a.jpg", orientation, shape)
    save(source / "masks/a.png", bar)
    assert f"EXIF orientation {orientation}" in faults_of(source)["masks/a.png"]
    assert covers_the_bar(source, exif="shown")
    save(source / "masks/a.png", to_stored(bar, orientation))
    shutil.rmtree(tmp_path / "real")
    assert covers_the_bar(source, exif="stored")


@pytest.mark.parametrize("orientation", SIDEWAYS)
def test_coco_declares_the_size_of_what_was_marked(tmp_path: Path, orientation: int) -> None:
    """Width and height of the annotation say whether the image was turned."""
    bar = write_photograph(tmp_path / "source/a.jpg", orientation)
    points = [edge for point in outline(bar) for edge in point]
    entry = {"id": 1, "file_name": "a.jpg", "height": bar.shape[0], "width": bar.shape[1]}
    document = {
        "images": [entry],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "segmentation": [points]}],
        "categories": [{"id": 1, "name": "scratch"}],
    }
    (tmp_path / "source/a.json").write_text(json.dumps(document))
    assert covers_the_bar(tmp_path / "source")
