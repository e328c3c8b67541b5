"""What fine-tuning draws: which crops, of which photographs, with which truth."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from small_world import draw
from tiny_finetuning import tiny_finetune
from unit.finetuning.tiny_members import members

from blemish.finetuning.adaptation_crops import AdaptationCrops
from blemish.finetuning.drawn_bank import add_drawn
from blemish.finetuning.set_images import SetImages
from blemish.finetuning.transplant import transplant
from blemish.packed import PackedSet
from blemish.training.crops import IGNORED, SyntheticCrops, training_image
from blemish.training.sharing import open_fabric


def plain(**changes: object) -> object:
    """Return params without augmentation or synthetic crops."""
    never = dict.fromkeys(("turn", "warp", "tone", "invert", "shade", "blur", "noise", "jpeg"), 0.0)
    values = {
        "crop": 64,
        "augmentation": {**never, "zoom": [1.0, 1.0]},
        "synthetic_share": 0.0,
        "transplant_share": 0.0,
    }
    return tiny_finetune(**{**values, **changes})


def crops_of(folder: Path, sets: list[SetImages], **changes: object) -> AdaptationCrops:
    params = plain(**changes)
    synthetic = SyntheticCrops(PackedSet.open(folder / "synthetic", "train"), params)
    return AdaptationCrops(sets, synthetic, params)


def test_crops_near_defects_are_balanced_over_classes(folder: Path) -> None:
    """A class of one image is shown as often as a class of nine."""
    crops = crops_of(folder, [members("a", {"pit": 1, "scratch": 9})], defect_share=1.0)
    images, truth = crops.draw(1, range(400))
    assert truth.any(axis=(1, 2, 3)).all()
    assert (images[:, 0, 32, 32] == 50).mean() == pytest.approx(0.5, abs=0.08)


def test_drawn_defects_matter_less_the_more_labels_there_are(folder: Path) -> None:
    """They count as so many labelled images: 3 beside 1 are three quarters, beside 9 a quarter."""
    instances = np.zeros((64, 64), np.uint16)
    instances[28:36, 28:36] = 1
    for labelled, share in ((1, 0.75), (9, 0.25)):
        own = members("a", {"pit": labelled})
        own.drawn = [training_image(np.full((64, 64), 7, np.uint8), instances)]
        crops = crops_of(folder, [own], defect_share=1.0, drawn_worth=3.0)
        images, _ = crops.draw(1, range(400))
        assert (images[:, 0, 32, 32] == 7).mean() == pytest.approx(share, abs=0.08)


def test_sets_weigh_alike_whatever_their_number_of_images(folder: Path) -> None:
    """A small set is drawn as often as a large one."""
    sets = [members("a", {"pit": 1}), members("b", {"x": 0, "pit": 30})]
    images, _ = crops_of(folder, sets, defect_share=1.0).draw(1, range(400))
    assert (images[:, 0, 32, 32] == 50).mean() == pytest.approx(0.5, abs=0.08)


def test_clean_photographs_are_shown_as_they_are(folder: Path) -> None:
    """Crops that are not near a defect come from all photographs, clean ones included."""
    crops = crops_of(folder, [members("a", {"pit": 1}, clean=9)], defect_share=0.5)
    images, truth = crops.draw(1, range(400))
    clean = (images == 255).all(axis=(1, 2, 3))
    assert clean.mean() == pytest.approx(0.45, abs=0.08)
    assert not truth[clean].any()


def test_defects_are_pasted_into_other_photographs(folder: Path) -> None:
    """The truth goes along; in the host's light, and the host is its own beside the defect."""
    sets = [members("a", {"pit": 1}, clean=9)]
    images, truth = crops_of(folder, sets, defect_share=1.0, transplant_share=1.0).draw(
        1, range(60)
    )
    assert truth.any(axis=(1, 2, 3)).all()
    host = np.full((64, 64), 200, np.uint8)
    donor = np.where(truth[0, 0] > 0, np.uint8(40), np.uint8(100))
    pasted, marked = transplant((host, np.zeros_like(host)), (donor, truth[0, 0]))
    assert np.array_equal(marked, truth[0, 0])
    inside = cv2.erode(truth[0, 0], np.ones((3, 3), np.uint8)) > 0
    assert (pasted[inside] == 80).all()
    assert (pasted[~cv2.dilate(marked, np.ones((25, 25), np.uint8)).astype(bool)] == 200).all()
    assert images.std() > 0


def test_a_photograph_smaller_than_a_crop_is_seen_at_many_places(folder: Path) -> None:
    """It is padded when predicted, so its content must be known anywhere in a crop."""
    crops = crops_of(folder, [members("a", {"pit": 1})], defect_share=1.0, crop=224)
    _, truth = crops.draw(1, range(40))
    firsts = {tuple(np.argwhere(plane[0])[0]) for plane in truth}
    assert len(firsts) > 20


def test_a_set_of_clean_photographs_alone_trains(folder: Path) -> None:
    """Without a labelled or drawn defect every crop of the set is a photograph as it is."""
    _, truth = crops_of(folder, [members("a", {}, clean=3)]).draw(1, range(20))
    assert not truth.any()


def test_a_share_of_the_crops_is_synthetic(folder: Path) -> None:
    """The share of synthetic crops is what the params say."""
    crops = crops_of(folder, [members("a", {}, clean=1)], synthetic_share=0.3)
    images, _ = crops.draw(1, range(400))
    assert (images != 255).any(axis=(1, 2, 3)).mean() == pytest.approx(0.3, abs=0.08)


def test_pixels_outside_the_region_of_interest_are_ignored(folder: Path) -> None:
    """Truth outside the region is neither ground nor defect."""
    level, instances = draw(np.random.default_rng(0), defective=True)
    region = np.zeros(level.shape, np.bool_)
    region[:, :48] = True
    own = SetImages("a", images=[training_image(level, instances.astype(np.uint16), region)])
    _, truth = crops_of(folder, [own], defect_share=0.0, crop=96).draw(1, range(4))
    assert [(crop == IGNORED).mean() for crop in truth] == pytest.approx([0.5] * 4, abs=0.02)


def test_what_is_pasted_outside_the_region_of_interest_stays_ignored() -> None:
    """A defect that lies across the border of the host's region is truth inside it alone."""
    host, truth = np.full((64, 64), 90, np.uint8), np.zeros((64, 64), np.uint8)
    truth[:, 32:] = IGNORED
    donor, marks = np.full((64, 64), 90, np.uint8), np.zeros((64, 64), np.uint8)
    marks[20:30, 20:44] = 1
    _, pasted = transplant((host, truth), (donor, marks))
    assert (pasted[:, 32:] == IGNORED).all()
    assert np.array_equal(pasted[:, :32], marks[:, :32])


def test_drawn_images_keep_the_region_of_interest() -> None:
    """What lies outside it is as unknown in a drawn image as in the photograph."""
    level, _ = draw(np.random.default_rng(0), defective=False)
    region = np.zeros(level.shape, np.bool_)
    region[:, :48] = True
    own = SetImages("a", images=[training_image(level, np.zeros(level.shape, np.uint16), region)])
    params = tiny_finetune(drawn_images=4)
    fabric = open_fabric(params, "finetune")
    add_drawn([own], params, fabric, workers=1, track=lambda items, _: items)
    assert own.drawn
    for image in own.drawn:
        assert image.region is not None
        assert np.array_equal(image.region > 0, region)
        assert not image.mask[~region].any()
