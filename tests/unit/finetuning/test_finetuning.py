"""Fine-tuning: how long it takes, what it writes, and what it refuses."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_world import write_split
from tiny_finetuning import run, tiny_finetune
from tiny_training import output_bytes, tiny_params
from unit.finetuning.tiny_members import members

from blemish.config.finetune import Steps
from blemish.errors import DataError, ModelFileError, ParamsError
from blemish.files import sha256_file
from blemish.finetuning.duration import EPOCH_STEPS, schedule_for, steps_for
from blemish.finetuning.folds import deal_folds, without
from blemish.finetuning.handing_on import describe_trained, hand_on, nothing_to_adapt_to
from blemish.finetuning.set_images import SetImages, read_sets
from blemish.finetuning.start_files import Start, find_start
from blemish.finetuning.starts import describe_start, load_start
from blemish.finetuning.suspects import Suspect
from blemish.finetuning.suspicion import leave_out
from blemish.model import UNetTiny, load_trained
from blemish.packed import PackedSet, PackedWriter
from blemish.training.crops import training_image


def test_outputs_describe_where_it_started_and_what_it_saw(folder: Path) -> None:
    """Weights load into the network described; the same inputs give the same bytes."""
    notes = run(folder, tiny_finetune())
    first = output_bytes(folder)
    description = json.loads(first["out/training.json"])
    assert load_trained(folder / "out").width == 4
    assert description["fingerprint"] == "f" * 64
    assert description["start"]["name"] is None
    assert {name: seen["images"] for name, seen in description["sets"].items()} == {
        "alpha": 4,
        "beta": 4,
    }
    assert [epoch.epoch for epoch in notes.epochs] == [1, 2]
    run(folder, tiny_finetune())
    assert output_bytes(folder) == first


def test_each_photograph_is_unseen_by_one_fold(folder: Path) -> None:
    """Groups stay together, and each network differs; one labelled group gives no folds."""
    notes = run(folder, tiny_finetune())
    held_out = json.loads((folder / "out" / "folds.json").read_text())["held_out"]
    packed = PackedSet.open(folder / "real", "train")
    annotations = [packed.annotation(index) for index in range(len(packed))]
    everything = [[annotation.set_name, annotation.image_id] for annotation in annotations]
    assert sorted(held_out[0] + held_out[1]) == sorted(everything)
    groups = [
        {(r.set_name, r.group) for r in annotations if [r.set_name, r.image_id] in fold}
        for fold in held_out
    ]
    assert groups[0]
    assert not groups[0] & groups[1]
    weights = {
        (folder / "out" / f"{name}.pt").read_bytes() for name in ("weights", "fold1", "fold2")
    }
    assert len(weights) == 3
    assert notes.folds == [(1, 2), (2, 2)]
    assert deal_folds([members("a", {"pit": 1}, clean=3)], seed=1) == ()


def test_clean_photographs_alone_are_dealt_to_folds_too() -> None:
    """Without any label each half of the groups is unseen by one network; one group gives none."""
    (image,) = members("a", {}, clean=1).images
    photographs = [replace(image, group=group) for group in "vwxyz"]
    dealt = deal_folds([SetImages("a", images=photographs)], seed=1)
    assert sorted(map(len, dealt)) == [2, 3]
    assert not dealt[0] & dealt[1]
    assert deal_folds([SetImages("a", images=[image] * 3)], seed=1) == ()


def test_drawn_images_are_held_out_with_their_photographs() -> None:
    """A fold's network knows a photograph by no drawing on it."""
    clean = [training_image(np.zeros((8, 8), np.uint8), np.zeros((8, 8), np.uint16))] * 2
    images = [replace(image, group=group) for image, group in zip(clean, "xy", strict=True)]
    kept = without([SetImages("a", images=images, drawn=images)], frozenset({("a", "x")}))
    assert [image.group for image in (*kept[0].images, *kept[0].drawn)] == ["y", "y"]


def test_the_last_epoch_is_the_result(folder: Path) -> None:
    """Few images choose no epoch: the last one is kept, whatever its validation says."""
    run(folder, tiny_finetune(learning_rate=0.2))
    description = json.loads((folder / "out" / "training.json").read_text())
    assert description["best_epoch"] == description["epochs"] == 2


def test_steps_grow_with_labels_up_to_a_limit() -> None:
    """The rule is linear between its bounds, in whole epochs."""
    rule = Steps(least=100, per_image=4.0, most=500)
    assert steps_for(0, rule) == 120
    assert steps_for(20, rule) == 200
    assert steps_for(1000, rule) == 520
    assert all(steps_for(n, rule) % EPOCH_STEPS == 0 for n in range(200))
    schedule = schedule_for(20, tiny_finetune(steps=rule.model_dump(), average=0.1))
    assert schedule.epochs * schedule.steps == 200
    assert schedule.ema_decay == pytest.approx(1 - 1 / 20)


def test_classes_are_read_from_the_records(folder: Path) -> None:
    """An image with two classes counts for each, with the anchors of that class alone."""
    alpha, _ = read_sets(PackedSet.open(folder / "real", "train"))
    assert sorted(alpha.classes) == ["pit", "scratch"]
    assert alpha.labelled == len(alpha.classes["pit"]) == len(alpha.classes["scratch"])
    assert all(len(image.anchors) == 1 for image in alpha.classes["pit"])


def test_three_images_of_one_group_train(folder: Path) -> None:
    """Without a validation image of the user's the curves are of synthetic ones."""
    write_split(folder / "real", "train", 3, seed=1)
    write_split(folder / "real", "val", 0, seed=1)
    notes = run(folder, tiny_finetune(steps={"least": 1, "per_image": 0, "most": 40}))
    assert len(notes.epochs) == 1
    assert (folder / "out" / "weights.pt").exists()


def test_sets_without_a_training_image_are_refused(folder: Path) -> None:
    """Where all images validate or test there is nothing to adapt to."""
    write_split(folder / "real", "train", 0, seed=1)
    with pytest.raises(DataError, match="No image of the chosen sets trains"):
        run(folder, tiny_finetune())


def test_without_a_set_the_weights_are_handed_on(folder: Path) -> None:
    """The bytes are those of train; the fingerprint is added, the curves are empty."""
    trained = folder / "trained"
    trained.mkdir()
    (trained / "weights.pt").write_bytes((folder / "start.pt").read_bytes())
    (trained / "training.json").write_text('{"architecture": {"name": "UNetTiny", "width": 4}}')
    for split in ("train", "val", "test"):
        with PackedWriter(folder / "real", split):
            pass
    assert nothing_to_adapt_to(folder / "real")
    drawn = folder / "drawn"
    hand_on(
        *(trained / "weights.pt", describe_trained(trained), folder / "out", folder / "curves.csv"),
        drawn,
        fingerprint="c" * 64,
    )
    assert list(drawn.iterdir()) == []
    assert (folder / "out" / "weights.pt").read_bytes() == (folder / "start.pt").read_bytes()
    assert json.loads((folder / "out" / "training.json").read_text())["fingerprint"] == "c" * 64
    assert load_trained(folder / "out").width == 4
    assert (folder / "curves.csv").read_text().count("\n") == 1


def test_without_a_set_a_start_is_handed_on(folder: Path) -> None:
    """The weights of the start load; the description names it."""
    start = Start(folder / "start.pt", "line-2")
    outputs = (folder / "out", folder / "curves.csv", folder / "drawn")
    hand_on(start.path, describe_start(start), *outputs, fingerprint="c" * 64)
    assert load_trained(folder / "out").width == 4
    description = json.loads((folder / "out" / "training.json").read_text())
    assert description["start"] == {"name": "line-2", "sha256": sha256_file(start.path)}


def test_suspects_are_left_out_by_name() -> None:
    """Only the named photographs go, those of other sets stay."""
    image = training_image(np.zeros((8, 8), np.uint8), np.zeros((8, 8), np.uint16))
    both = [replace(image, name=name) for name in "ab"]
    sets = [SetImages("one", images=both), SetImages("two", images=both)]
    leave_out(sets, {"one": [Suspect("b", 90.0, suspicious=True)], "two": []})
    assert [[image.name for image in members.images] for members in sets] == [["a"], ["a", "b"]]


def test_a_missing_start_is_named_with_those_that_there_are(tmp_path: Path) -> None:
    """The sentence says which starts exist and how to make one."""
    starts = tmp_path / "starts"
    starts.mkdir()
    (starts / "line-3.pt").write_bytes(b"")
    assert find_start(tmp_path, starts, None) == Start(tmp_path / "weights.pt")
    assert find_start(tmp_path, starts, "line-3").name == "line-3"
    with pytest.raises(ParamsError, match=r"'line-4'.*there are: line-3.*blemish start REF"):
        find_start(tmp_path, starts, "line-4")


@pytest.mark.parametrize(
    "content", [b"", b"no weights", {"stem.0.weight": torch.zeros(4, 2, 5, 5)}, {"a": 1}, [1]]
)
def test_a_start_of_another_architecture_is_refused(tmp_path: Path, content: object) -> None:
    """In one sentence, with the command that makes it again."""
    path = tmp_path / "line-3.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(ModelFileError, match=r"no weights of this architecture.*--name line-3"):
        load_start(Start(path, "line-3"))


def test_a_start_of_another_width_trains(folder: Path) -> None:
    """The width is read from the weights, so that a start need not match ``train.network``."""
    torch.save(UNetTiny(8).state_dict(), folder / "start.pt")
    run(folder, tiny_finetune(steps={"least": 1, "per_image": 0, "most": 40}))
    assert load_trained(folder / "out").width == 8
    assert tiny_params().network.width == 4
