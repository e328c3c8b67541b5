"""Masks that could be misread: palettes, several values, inverted ones, odd names."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image
from unit.importing.odd_sources import write_pairs
from unit.importing.test_layouts import faults_of, run
from unit.tiny_sources import SIZE, image, mask, save

from blemish.errors import DataError


def write_palette(path: Path, indices: np.ndarray, colours: list[int]) -> None:
    image = Image.fromarray(indices.astype(np.uint8), "P")
    image.putpalette(colours + [0] * (768 - len(colours)))
    image.save(path)


def test_a_void_border_of_a_palette_mask_is_no_defect(tmp_path: Path) -> None:
    """Index 255 of a palette mask is void, with --soft-masks too."""
    source = write_pairs(tmp_path / "source", 1)
    indices = np.where(mask() > 0, 1, 0)
    indices[(cv2.dilate(mask(), np.ones((3, 3))) > 0) & (mask() == 0)] = 255
    write_palette(source / "masks/0.png", indices, [0, 0, 0, 128, 0, 0] + [224] * 762)
    images = run(source, soft_masks=True)
    assert np.array_equal(images.mask(0), mask() > 0)
    assert any("void" in remark for remark in images.about["report"]["remarks"])


def test_masks_that_only_the_gate_reads_are_read(tmp_path: Path) -> None:
    """Pillow opens no TIFF of 12 bits."""
    source = write_pairs(tmp_path / "source", 1)
    (source / "masks/0.png").unlink()
    packed = np.where(mask() > 0, 4095, 0).astype(np.uint16)
    tifffile.imwrite(source / "masks/0.tif", packed, bitspersample=12, photometric="minisblack")
    assert np.array_equal(run(source).mask(0), mask() > 0)


@pytest.mark.parametrize("colours", [[255] * 3 + [0] * 3, [0] * 3 + [255] * 3])
def test_a_palette_mask_is_read_by_index(tmp_path: Path, colours: list[int]) -> None:
    """Index 0 is background, white or black."""
    source = write_pairs(tmp_path / "source", 1)
    write_palette(source / "masks/0.png", mask() // 255, colours)
    assert np.array_equal(run(source).mask(0), mask() > 0)


def test_labels_of_several_values_are_chosen_by_a_person(tmp_path: Path) -> None:
    """The advice works: --defect-values takes those that mark a defect."""
    source = write_pairs(tmp_path / "source", 1)
    labels = mask() // 255
    labels[0, :] = 2
    save(source / "masks/0.png", labels)
    assert "--defect-values" in faults_of(source)["masks/0.png"]
    assert np.array_equal(run(source, defect_values=(1,)).mask(0), mask() > 0)


def test_inverted_masks_are_refused_with_advice_that_works(tmp_path: Path) -> None:
    """Masks that mark nearly all of an image, or most of most images, are asked about."""
    source = write_pairs(tmp_path / "source")
    save(source / "masks/1.png", 255 - mask())
    assert "inverted? Use --defect-values" in faults_of(source)["masks/1.png"]
    for index in range(3):
        save(source / f"masks/{index}.png", 255 - mask())
    assert len(faults_of(source)) == 3
    assert np.array_equal(run(source, defect_values=(0,)).mask(0), mask() > 0)
    shutil.rmtree(tmp_path / "real")
    assert np.array_equal(run(source, large_defects=True).mask(0), mask() == 0)
    shutil.rmtree(tmp_path / "real")
    for index in range(3):
        half = np.zeros(SIZE, np.uint8)
        half[: 20 + index] = 255
        save(source / f"masks/{index}.png", half)
    with pytest.raises(DataError, match=r"mark 70% of their images in the median"):
        run(source)


@pytest.mark.parametrize(
    "name", ["000_mask.png", "000.png", "000.bmp", "000_mask.tif", "000/0.png"]
)
def test_mvtec_masks_are_found_whatever_their_ending(tmp_path: Path, name: str) -> None:
    """Another ending, no ``_mask``, or a folder of masks: the mask belongs to its photograph."""
    save(tmp_path / "source/test/good/000.jpg", image(1))
    save(tmp_path / "source/test/bent/000.jpg", image(2))
    save(tmp_path / f"source/ground_truth/bent/{name}", mask())
    images = run(tmp_path / "source")
    assert images.about["source_layout"] == "mvtec-ad"
    assert {row.image_id: row.defective for row in images.rows} == {
        "test-bent-000": True,
        "test-good-000": False,
    }
