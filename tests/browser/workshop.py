"""A small finished checkout with two trainings in its store: what the browser tests look at.

Images are brushed grey with dark scratches and pits; the models are three-operator graphs that
mark what is darker than its surroundings, the second training with a better sense for it.
"""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnx
import yaml
from onnx import TensorProto, helper

from blemish.config import Workspace
from blemish.image_digests import ImageDigest, plane_digest, write_digests
from blemish.image_statistics import image_statistics, summarise
from blemish.model_card import ModelCard
from blemish.operating_point import OperatingPoint
from blemish.preprocessing import Resizing
from blemish.recording import dvc_files, fingerprint, pipeline_outputs
from blemish.recording.sync import record_workspace
from blemish.registry import Registry
from blemish.registry.stored_images import RESULTS, Split
from blemish.sets import LabelledDefect, SetWriter
from blemish.store.names import IMAGES

REPOSITORY = Path(__file__).resolve().parents[2]
SIDE = 128
HOSTILE = "<img src=x onerror=window.hacked=1>"


@dataclass(frozen=True)
class Training:
    """One training: how steep its models are, from which probability they mark, its rate."""

    gain: float
    offset: float
    threshold: float
    learning_rate: float


TRAINED_ON = (21, 22)
"""Test images that the first training was trained on: they say nothing about it."""
VALIDATION = range(200, 212)
FIRST = Training(gain=0.10, offset=14.0, threshold=0.5, learning_rate=0.003)
SECOND = Training(gain=0.25, offset=20.0, threshold=0.45, learning_rate=0.002)


def build(root: Path, *, images: int = 24) -> Workspace:
    """Make a checkout at ``root`` and record two trainings: versions 1 to 4."""
    (root / "src" / "blemish").mkdir(parents=True)
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(REPOSITORY / name, root / name)
    (root / ".gitignore").write_text("/mlflow.db*\n/mlartifacts/\n/.blemish/\n/data/\n/models/\n")
    workspace = Workspace(root)
    _write_sources(workspace)
    _git(root, "init", "-q", "-b", "main")
    _commit(root, "Start")
    scenes = [scene(index) for index in range(images)]
    _write_sets(workspace, scenes)
    for training in (FIRST, SECOND):
        _set_learning_rate(root, training.learning_rate)
        _commit(root, f"Train at {training.learning_rate}")
        _write_outputs(workspace, scenes, training)
        record_workspace(workspace)
    _tell_splits(workspace, scenes)
    return workspace


@dataclass(frozen=True)
class Drawn:
    """An image with the regions of its defects by class."""

    name: str
    plane: npt.NDArray[np.uint8]
    regions: tuple[tuple[str, npt.NDArray[np.bool_]], ...]

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        union = np.zeros(self.plane.shape, bool)
        for _, region in self.regions:
            union |= region
        return union


def scene(index: int, *, level: float = 150.0) -> Drawn:
    """Draw image ``index``; every fourth is free of defects."""
    rng = np.random.default_rng(index)
    noise = rng.normal(0, 22, (SIDE, SIDE)).astype(np.float32)
    plane = level + cv2.blur(noise, (31, 1)) * 1.5 + rng.normal(0, 3, (SIDE, SIDE))
    plane += np.linspace(-12, 12, SIDE)[None, :]
    regions = []
    if index % 4:
        region = np.zeros((SIDE, SIDE), np.uint8)
        start, end = rng.integers(10, SIDE - 10, (2, 2)).tolist()
        cv2.line(region, start, end, 1, int(rng.integers(2, 4)))
        regions.append(("scratch", region.astype(bool)))
    if index % 3 == 0 and index % 4:
        region = np.zeros((SIDE, SIDE), np.uint8)
        cv2.circle(region, rng.integers(20, SIDE - 20, 2).tolist(), int(rng.integers(4, 9)), 1, -1)
        regions.append(("pit", region.astype(bool)))
    for _, region in regions:
        plane[region] -= rng.uniform(35, 75)
    name = f"{'free' if not regions else 'metal'}-{index:03d}"
    return Drawn(name, np.clip(plane, 0, 255).astype(np.uint8), tuple(regions))


def _tell_splits(workspace: Workspace, scenes: list[Drawn]) -> None:
    """Record which images each run was trained, validated and tested on."""
    registry = Registry.connect(workspace=workspace)
    splits = {"val": [scene(index) for index in VALIDATION], "test": scenes}
    for number, trained in ((1, TRAINED_ON), (3, ())):
        known = splits | {"train": [scenes[index] for index in trained]}
        text = write_digests(
            ImageDigest(split, "synthetic", one.name, one.name, plane_digest(one.plane))
            for split, drawn in known.items()
            for one in drawn
        )
        registry.store.client.log_text(registry.resolve(number).run_id, text, IMAGES)


def model_bytes(identity: str, precision: str, training: Training, statistics: object) -> bytes:
    """Return an ONNX file that marks what is darker than the mean around it."""
    gain = training.gain * (1.0 if precision == "fp32" else 0.97)
    nodes = [
        helper.make_node("Cast", ["image"], ["level"], to=TensorProto.FLOAT),
        helper.make_node("AveragePool", ["level"], ["row"], kernel_shape=[1, 41], pads=[0, 20] * 2),
        helper.make_node(
            "AveragePool", ["row"], ["around"], kernel_shape=[41, 1], pads=[20, 0] * 2
        ),
        helper.make_node("Sub", ["around", "level"], ["darker"]),
        helper.make_node("Sub", ["darker", "offset"], ["over"]),
        helper.make_node("Mul", ["over", "gain"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["probability"]),
    ]
    shape = ["n", 1, "h", "w"]
    graph = helper.make_graph(
        nodes,
        "darker",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, shape)],
        [
            helper.make_tensor("offset", TensorProto.FLOAT, [1], [training.offset]),
            helper.make_tensor("gain", TensorProto.FLOAT, [1], [gain]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    card = ModelCard(
        fingerprint=identity,
        precision=precision,
        point=OperatingPoint(training.threshold),
        stride=16,
        tile=256,
        resizing=Resizing("none"),
        classes=("pit", "scratch"),
        statistics=statistics,
    )
    helper.set_model_props(model, card.to_metadata())
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _write_sets(workspace: Workspace, scenes: list[Drawn]) -> None:
    with SetWriter(workspace.path("synthetic"), "synthetic", "synthetic") as writer:
        for drawn in scenes:
            writer.add(
                drawn.name,
                drawn.plane,
                drawn.mask,
                group=drawn.name,
                defects=[LabelledDefect(name, region) for name, region in drawn.regions],
                attributes={"surface": "brushed"},
            )
    for name in ("real", "starts"):
        workspace.path(name).mkdir(parents=True, exist_ok=True)
    (workspace.path("starts") / "None.pt").touch()
    with SetWriter(workspace.path("real") / "plates", HOSTILE, "pairs") as writer:
        for index in range(100, 106):
            drawn = scene(index, level=120.0)
            regions = [LabelledDefect("crack", region) for _, region in drawn.regions[:1]]
            union = regions[0].mask if regions else np.zeros_like(drawn.mask)
            writer.add(drawn.name, drawn.plane, union, group=f"plate-{index // 2}", defects=regions)
    for folder in map(workspace.path, ("synthetic_splits", "real_splits")):
        folder.mkdir(parents=True, exist_ok=True)
        for split in ("train", "val", "test"):
            (folder / f"{split}.bin").write_bytes(split.encode())
            (folder / f"{split}.json").write_text('{"images": []}')


def _write_outputs(workspace: Workspace, scenes: list[Drawn], training: Training) -> None:
    trained = pipeline_outputs.final_weights(workspace).parent
    evaluated = workspace.path("evaluated")
    exported, reports = workspace.path("exported"), workspace.path("reports")
    for folder in (trained, evaluated, exported, reports / "curves", reports / "gallery"):
        folder.mkdir(parents=True, exist_ok=True)
    identity = fingerprint.training_fingerprint(workspace)
    (trained / "weights.pt").write_bytes(repr(training).encode())
    _write_json(trained / "training.json", {"fingerprint": identity, "best_epoch": 2})
    rows = "".join(f"{e},{1 / e},{0.8 - 0.1 / e},{1 / e},{0.01}\n" for e in (1, 2, 3))
    header = "epoch,train_loss,val_dice,val_loss,learning_rate\n"
    (reports / "training.csv").write_text(header + rows)
    (reports / "finetuning.csv").write_text(header)
    _write_json(evaluated / "threshold.json", {"threshold": training.threshold, "peak": 0.0})
    statistics = summarise([image_statistics(drawn.plane) for drawn in scenes])
    models = {
        precision: model_bytes(identity, precision, training, statistics)
        for precision in ("fp32", "int8")
    }
    for precision, data in models.items():
        (exported / f"model.{precision}.onnx").write_bytes(data)
    dice = _write_images(evaluated, "test", scenes, exported / "model.fp32.onnx")
    _write_json(
        evaluated / "details.json",
        {
            "headline": {"sets": ["synthetic"]},
            "overall": {"dice": {"value": dice, "interval_95": [dice - 0.05, dice + 0.05]}},
        },
    )
    validation = [scene(index) for index in VALIDATION]
    _write_images(evaluated, "val", validation, exported / "model.fp32.onnx")
    _write_json(reports / "metrics.json", {"test_dice": dice, "test_iou": dice / (2 - dice)})
    _write_json(reports / "parity.json", {"int8_dice_change": 0.001})
    (reports / "curves" / "pr.csv").write_text("recall,precision\n0.5,0.9\n")
    cv2.imwrite(str(reports / "gallery" / "worst.png"), scenes[1].plane)
    _write_lock(workspace)


def _write_images(evaluated: Path, split: Split, scenes: list[Drawn], model: Path) -> float:
    """Write the images of a split with the results that the model really has on them."""
    from blemish.inference import Segmenter
    from blemish.metrics import Counts, count

    segmenter = Segmenter.from_file(model)
    for name in (f"{split}_images", f"{split}_masks"):
        shutil.rmtree(evaluated / name, ignore_errors=True)
        (evaluated / name).mkdir()
    lines = ["image_id,set,group,classes,tp,fp,fn,tn,dice,iou,score"]
    total = Counts()
    for drawn in scenes:
        cv2.imwrite(str(evaluated / f"{split}_images" / f"{drawn.name}.png"), drawn.plane)
        mask = drawn.mask.astype(np.uint8) * 255
        cv2.imwrite(str(evaluated / f"{split}_masks" / f"{drawn.name}.png"), mask)
        counts = count(segmenter.predict(drawn.plane).mask, drawn.mask)
        total += counts
        classes = ";".join(sorted(name for name, _ in drawn.regions))
        row = (
            drawn.name,
            "synthetic",
            drawn.name,
            classes,
            counts.tp,
            counts.fp,
            counts.fn,
            counts.tn,
        )
        lines.append(",".join(map(str, (*row, counts.dice, counts.iou, 1.0))))
    (evaluated / RESULTS[split]).write_text("\n".join(lines) + "\n")
    return total.dice


def _write_sources(workspace: Workspace) -> None:
    """Write something under each dep that is code, so that there is a fingerprint."""
    for stage in workspace.pipeline()["stages"].values():
        for item in stage["deps"]:
            path = workspace.root / dvc_files.resolve_path(workspace, item)
            if "$" in item or path.exists():
                continue
            target = path if path.suffix or path.name == "run" else path / "__init__.py"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(f"# {item}\n")


def _write_lock(workspace: Workspace) -> None:
    stages = {}
    for name, stage in workspace.pipeline()["stages"].items():
        outs = [dvc_files.resolve_path(workspace, item) for item in stage["outs"]]
        params = {key: dvc_files.param_value(workspace, key) for key in stage["params"]}
        stages[name] = {
            "cmd": stage["cmd"],
            "params": {"params.yaml": params},
            "outs": [
                {"path": out, "hash": "md5", "md5": dvc_files.md5_of(workspace.root / out)}
                for out in outs
                if (workspace.root / out).exists()
            ],
        }
    text = yaml.safe_dump({"schema": "2.0", "stages": stages}, sort_keys=False)
    (workspace.root / "dvc.lock").write_text(text)


def _set_learning_rate(root: Path, value: float) -> None:
    path = root / "params.yaml"
    params = yaml.safe_load(path.read_text())
    params["train"]["learning_rate"] = value
    # Five milliseconds against five, on a machine that does other things: no test of latency.
    params["promote"]["latency_ratio"] = 100.0
    path.write_text(yaml.safe_dump(params, sort_keys=False))


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content))


def _git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Tester", "-c", "user.email=tester@example.com"]
    subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True)


def _commit(root: Path, message: str) -> None:
    _git(root, "add", "-A")
    _git(root, "commit", "-q", "--allow-empty", "-m", message)
