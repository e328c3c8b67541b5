"""Training in one process: what it writes, and that nothing but its inputs decides it."""

import csv
import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from small_world import write_split
from tiny_training import Notes, output_bytes, run, tiny_params
from torch import nn

from blemish.errors import DataError, TrainingError
from blemish.files import sha256_bytes
from blemish.model import UNetTiny, load_trained
from blemish.packed import Annotation, PackedDefect, PackedSet, PackedWriter, pack_image
from blemish.training.checkpoint import load_checkpoint, tensor_bytes
from blemish.training.crops import SyntheticCrops
from blemish.training.listener import EpochResult, Listeners
from blemish.training.optimization import (
    Muon,
    Schedule,
    average_weights,
    make_optimizers,
    orthogonalize,
)
from blemish.training.sharing import open_fabric
from blemish.training.supervision import DeepSupervision
from blemish.training.validator import Validator


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_split(tmp_path / "data", "train", 12, seed=1)
    write_split(tmp_path / "data", "val", 6, seed=2)
    return tmp_path


def test_outputs_describe_the_training(folder: Path) -> None:
    """Weights load into the network described, and the curves hold what the listener heard."""
    notes = run(folder, tiny_params(epochs=2))
    network = load_trained(folder / "out")
    assert network.width == 4
    rows = list(csv.DictReader((folder / "curves.csv").read_text().splitlines()))
    assert [float(row["train_loss"]) for row in rows] == [e.train_loss for e in notes.epochs]
    assert [float(row["val_dice"]) for row in rows] == [e.val_dice for e in notes.epochs]
    assert notes.ended
    assert not list((folder / "state").iterdir())


def test_two_trainings_write_the_same_bytes(folder: Path) -> None:
    """Weights, description and curves repeat byte for byte."""
    params = tiny_params(epochs=2)
    run(folder, params)
    first = output_bytes(folder)
    run(folder, params)
    assert output_bytes(folder) == first


def test_training_finds_the_defects(folder: Path) -> None:
    """A few epochs on bold marks lower the loss and raise the validation Dice well above chance."""
    notes = run(folder, tiny_params(epochs=10, crops=64, learning_rate=0.02))
    assert notes.epochs[-1].train_loss < 0.6 * notes.epochs[0].train_loss
    assert max(epoch.val_dice for epoch in notes.epochs) > 0.6


def test_early_stop_keeps_the_best_epoch(folder: Path) -> None:
    """Training ends once no epoch was better for as long as patience allows."""
    notes = run(folder, tiny_params(epochs=30, patience=2, crops=4))
    dice = [epoch.val_dice for epoch in notes.epochs]
    assert len(dice) < 30
    assert int(np.argmax(dice)) == len(dice) - 3
    described = json.loads((folder / "out" / "training.json").read_text())
    assert described["epochs"] == len(dice)


def test_a_nan_stops_with_a_sentence_and_keeps_the_last_good_state(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that answers NaN after the first epoch ends training; its checkpoint stays."""

    class Saboteur(Notes):
        def on_epoch(self, result: EpochResult) -> None:
            super().on_epoch(result)
            whole = nn.Conv2d.forward
            monkeypatch.setattr(nn.Conv2d, "forward", lambda self, x: whole(self, x) * math.nan)

    from blemish.training import train

    state = folder / "state" / "tiny.pt"
    with pytest.raises(TrainingError, match=r"nan in epoch 2.*that of epoch 1.*learning_rate"):
        train(
            folder / "data",
            folder / "out",
            folder / "curves.csv",
            tiny_params(),
            identity="a",
            checkpoint=state,
            listener=Saboteur(),
        )
    kept = load_checkpoint(state, "a")
    assert kept is not None
    assert kept.progress.epoch == 1
    assert all(torch.isfinite(v).all() for v in kept.network.values() if v.is_floating_point())
    assert not (folder / "out").exists()


def test_checkpoint_of_another_training_is_refused(folder: Path) -> None:
    """A checkpoint tells whose it is."""
    state = folder / "other.pt"
    state.write_bytes(tensor_bytes({"identity": "b", "progress": {}, **_EMPTY}))
    with pytest.raises(TrainingError, match="belongs to the training b"):
        load_checkpoint(state, "a")


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 corrupt"])
def test_corrupt_checkpoint_is_named_with_the_fixing_command(folder: Path, content: bytes) -> None:
    """A file that is no checkpoint is refused by name."""
    state = folder / "corrupt.pt"
    state.write_bytes(content)
    with pytest.raises(TrainingError, match=r"corrupt\.pt is no checkpoint.*rm"):
        load_checkpoint(state, "a")


_EMPTY: dict[str, dict[str, object]] = {
    "network": {},
    "averaged": {},
    "optimizers": [],
    "best": {},
}


def test_equal_tensors_give_equal_bytes() -> None:
    """The stored form of weights holds nothing but the weights."""
    first, second = (tensor_bytes({"a": torch.arange(6.0).reshape(2, 3)}) for _ in range(2))
    assert sha256_bytes(first) == sha256_bytes(second)


def test_crops_do_not_depend_on_how_they_are_shared(folder: Path) -> None:
    """Halves drawn apart equal the whole drawn at once."""
    crops = SyntheticCrops(PackedSet.open(folder / "data", "train"), tiny_params())
    whole = crops.draw(1, range(8))
    halves = [crops.draw(1, numbers) for numbers in (range(4), range(4, 8))]
    for place in (0, 1):
        np.testing.assert_array_equal(
            whole[place], np.concatenate([half[place] for half in halves])
        )


def test_most_crops_show_what_the_share_asks_for(folder: Path) -> None:
    """Crops centred near a defect show it; an epoch's crops differ from the next one's."""
    packed = PackedSet.open(folder / "data", "train")
    crops = SyntheticCrops(packed, tiny_params(defect_share=1.0))
    images, masks = crops.draw(1, range(60))
    assert masks.any(axis=(1, 2, 3)).mean() > 0.85
    later, _ = crops.draw(2, range(60))
    assert not np.array_equal(images, later)


def test_synthetic_crops_are_windows_of_their_images(folder: Path) -> None:
    """They are turned by right angles and mirrored, and no grey level changes."""
    packed = PackedSet.open(folder / "data", "train")
    images, _ = SyntheticCrops(packed, tiny_params(crop=32)).draw(1, range(8))
    planes = [packed.image(index) for index in range(len(packed))]
    inner = images[:, 0, 1:-1, 1:-1]  # at the border of an image, the outermost pixel is mirrored
    assert all(_is_part_of(np.ascontiguousarray(crop), planes) for crop in inner)


def _is_part_of(crop: np.ndarray, planes: list[np.ndarray]) -> bool:
    """Say whether a crop is a window of a plane, turned by right angles and mirrored or not."""
    turned = [np.rot90(side, k).copy() for side in (crop, crop[:, ::-1]) for k in range(4)]
    distances = (
        cv2.matchTemplate(plane, view, cv2.TM_SQDIFF).min() for plane in planes for view in turned
    )
    return min(distances) < crop.size  # float sums of squares: not exactly 0


def test_a_split_without_defects_is_refused(tmp_path: Path) -> None:
    """There is nothing to learn from clean parts alone."""
    annotation = Annotation("clean", "alpha", "part", 64, 64, (), {})
    blank = np.zeros((64, 64), np.uint8)
    with PackedWriter(tmp_path, "train") as writer:
        writer.add(pack_image(annotation, blank, blank))
    with pytest.raises(DataError, match="no defect"):
        SyntheticCrops(PackedSet.open(tmp_path, "train"), tiny_params())


def test_validation_ignores_what_lies_outside_the_region_of_interest(tmp_path: Path) -> None:
    """A mark beside the part changes neither loss nor Dice, as in training and evaluation."""
    region = np.zeros((50, 64), np.bool_)
    region[:, :40] = True
    instances = np.zeros(region.shape, np.uint16)
    instances[10:20, 10:20] = 1
    bright = instances * np.uint16(200)
    annotation = Annotation("a", "s", "g", 64, 50, (PackedDefect("pit", 100),), {})
    measured = []
    for name, marked in (("with", 200), ("without", 0)):
        bright[:, 50:] = marked
        with PackedWriter(tmp_path / name, "val") as writer:
            writer.add(pack_image(annotation, bright.astype(np.uint8), instances, region))
        params = tiny_params()
        validator = Validator(
            [PackedSet.open(tmp_path / name, "val")], open_fabric(params, "train")
        )
        measured.append(validator.measure(_Bright(), params.loss))
    assert measured[0] == measured[1]
    assert measured[0].dice == 1.0


class _Bright(nn.Module):
    """Marks what is bright."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.float() - 100


def test_averaged_weights_follow_with_their_decay() -> None:
    """After many steps the average is decay times the past plus the rest of the present."""
    network = nn.Linear(1, 1)
    average = average_weights(network, 0.9)
    before = average.module.weight.clone()
    average.n_averaged.fill_(10_000)
    with torch.no_grad():
        network.weight += 1.0
    average.update_parameters(network)
    torch.testing.assert_close(average.module.weight, before + 0.1)


@pytest.mark.parametrize("shape", [(6, 20), (20, 6), (12, 12)])
def test_muon_moves_matrices_as_that_of_pytorch_does(shape: tuple[int, int]) -> None:
    """On matrices, ours and PyTorch's agree; theirs rounds to bfloat16 on the way."""
    torch.manual_seed(0)
    start, pull = torch.randn(shape), [torch.randn(shape) for _ in range(3)]
    ours, theirs = (nn.Parameter(start.clone()) for _ in range(2))
    optimizers = (
        Muon([ours], 0.02, weight_decay=0.1),
        torch.optim.Muon([theirs], lr=0.02, weight_decay=0.1),
    )
    for gradient in pull:
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        for optimizer in optimizers:
            optimizer.step()
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0.002)
    assert (ours - start).abs().max() > 0.01


@pytest.mark.parametrize("shape", [(8, 40), (40, 8)])
def test_orthogonalized_step_has_singular_values_near_one(shape: tuple[int, int]) -> None:
    """Directions a hundred times weaker than others get steps of about the same length."""
    torch.manual_seed(0)
    left, _, right = torch.linalg.svd(torch.randn(shape), full_matrices=False)
    uneven = left @ torch.diag(torch.logspace(0, -2, 8)) @ right
    values = torch.linalg.svdvals(orthogonalize(uneven))
    assert 0.4 < float(values.min()) < float(values.max()) < 1.3


def test_every_weight_has_one_optimizer() -> None:
    """Kernels inside go to Muon, all others to AdamW, none is left out."""
    network = DeepSupervision(UNetTiny(4))
    muon, adam = make_optimizers(network, tiny_params())
    inner, others = ([p for g in o.param_groups for p in g["params"]] for o in (muon, adam))
    assert {*map(id, inner)} | {*map(id, others)} == {*map(id, network.parameters())}
    assert not {*map(id, inner)} & {*map(id, others)}
    assert all(weight.ndim == 4 for weight in inner)


def test_deep_supervision_is_gone_from_what_is_saved(folder: Path) -> None:
    """The heads of coarser scales exist in training only."""
    run(folder, tiny_params(epochs=1))
    kept = torch.load(folder / "out" / "weights.pt", weights_only=True)
    assert {*kept} == {*UNetTiny(4).state_dict()}


def test_rate_warms_up_and_falls() -> None:
    """The learning rate rises to its largest value, then falls to a hundredth of it."""
    schedule = Schedule(10, 4, learning_rate=0.1, warmup_epochs=0.5, ema_decay=0.9)
    assert schedule.rate_at(0.25) == pytest.approx(0.05)
    assert schedule.rate_at(0.5) == pytest.approx(0.1)
    assert schedule.rate_at(10) == pytest.approx(0.001)


def test_several_listeners_hear_the_same(folder: Path) -> None:
    """Listeners pass every call on, in their order."""
    first, second = Notes(), Notes()
    both = Listeners((first, second))
    result = EpochResult(1, 0.5, 0.4, 0.3, 0.01, 2.0)
    both.on_start(3, 1)
    both.on_batch(1, 2, 0.5)
    both.on_epoch(result)
    both.on_end()
    assert first.epochs == second.epochs == [result]
    assert first.resumed_from == second.resumed_from == 1
    assert first.ended
    assert second.ended


def test_bfloat16_trains_as_float32_does_within_its_rounding(folder: Path) -> None:
    """The first loss is the same to two digits and not to all, the weights saved are float32."""
    first = []
    for precision in ("float32", "bfloat16"):
        notes = run(folder, tiny_params(epochs=1, precision=precision))
        first.append(notes.losses[0])
        kept = torch.load(folder / "out" / "weights.pt", weights_only=True)
        assert kept["head.weight"].dtype == torch.float32
        described = json.loads((folder / "out" / "training.json").read_text())
        assert described["precision"] == precision
    assert first[0] == pytest.approx(first[1], rel=0.02)
    assert first[0] != first[1]
