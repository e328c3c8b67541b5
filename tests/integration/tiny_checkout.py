"""A checkout with the outputs of a finished pipeline, small enough to make in milliseconds."""

import functools
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper
from PIL import Image

from blemish.config import Workspace
from blemish.model_card import ModelCard
from blemish.operating_point import OperatingPoint
from blemish.preprocessing import Resizing
from blemish.recording import curves, dvc_files, fingerprint, pipeline_outputs
from blemish.store.connection import connect

REPOSITORY = Path(__file__).resolve().parents[2]
IMAGES = 24
SIDE = 64


@functools.cache
def empty_database() -> bytes:
    """Return an SQLite store with MLflow's tables and nothing in it: making one takes seconds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mlflow.db"
        with connect(uri=f"sqlite:///{path}").calling("Making tables") as client:
            client.search_registered_models(max_results=1)
        return path.read_bytes()


def make_checkout(
    root: Path, *, seed: int = 0, skill: float = 0.9, images: int = IMAGES
) -> Workspace:
    """Copy the pipeline's description to ``root``, commit it, and write outputs beside it."""
    root.mkdir(parents=True)
    (root / "mlflow.db").write_bytes(empty_database())
    (root / "src" / "blemish").mkdir(parents=True)
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(REPOSITORY / name, root / name)
    (root / ".gitignore").write_text("/mlflow.db*\n/mlartifacts/\n/.blemish/\n/data/\n/models/\n")
    workspace = Workspace(root)
    _write_sources(workspace)
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "Start")
    write_data(workspace, seed=seed)
    write_outputs(workspace, seed=seed, skill=skill, images=images)
    return workspace


def git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Tester", "-c", "user.email=tester@example.com"]
    subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True)


def write_data(workspace: Workspace, *, seed: int = 0) -> None:
    """Write stand-ins for the synthetic set and the packed splits."""
    rng = np.random.default_rng(seed)
    workspace.path("synthetic").mkdir(parents=True, exist_ok=True)
    for name in ("real", "starts"):
        workspace.path(name).mkdir(parents=True, exist_ok=True)
    (workspace.path("starts") / "None.pt").touch()
    (workspace.path("synthetic") / "set.json").write_text(json.dumps({"seed": seed}))
    for folder in map(workspace.path, ("synthetic_splits", "real_splits")):
        folder.mkdir(parents=True, exist_ok=True)
        for split in ("train", "val", "test"):
            (folder / f"{split}.bin").write_bytes(rng.bytes(100))
            (folder / f"{split}.json").write_text('{"images": []}')


def write_outputs(
    workspace: Workspace,
    *,
    seed: int = 0,
    skill: float = 0.9,
    threshold: float = 0.5,
    images: int = IMAGES,
    bias: float = 128.0,
) -> None:
    """Write what train, evaluate and export would, and the ``dvc.lock`` that goes with it."""
    trained = pipeline_outputs.final_weights(workspace).parent
    evaluated = workspace.path("evaluated")
    exported, reports = workspace.path("exported"), workspace.path("reports")
    for folder in (trained, evaluated, exported, reports, reports / "curves", reports / "gallery"):
        folder.mkdir(parents=True, exist_ok=True)
    for folder in (workspace.path("trained"), reports / "drawn"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "made").write_bytes(b"by a stage whose bytes no test reads")
    rng = np.random.default_rng(seed)
    identity = fingerprint.training_fingerprint(workspace)
    (trained / "weights.pt").write_bytes(rng.bytes(64))
    _write_json(trained / "training.json", {"fingerprint": identity, "best_epoch": 2})
    rows = "".join(f"{e},{1 / e},{skill - 0.1 / e},{1 / e},{0.01}\n" for e in (1, 2, 3))
    for path in curves.curve_files(workspace):
        path.write_text(f"epoch,train_loss,val_dice,val_loss,learning_rate\n{rows}")
    _write_json(evaluated / "threshold.json", {"threshold": threshold, "peak": 0.0})
    _write_json(evaluated / "details.json", details(skill))
    _write_test_set(evaluated, rng, skill, images)
    _write_json(reports / "metrics.json", {"test_dice": skill, "test_iou": skill / (2 - skill)})
    _write_json(reports / "parity.json", {"fp32_probability": {"value": 1e-6, "bound": 1e-4}})
    (reports / "curves" / "pr.csv").write_text("recall,precision\n0.5,0.9\n")
    Image.new("L", (8, 8)).save(reports / "gallery" / "worst.png")
    for precision in ("fp32", "int8"):
        data = model_bytes(identity, precision, threshold, gain=skill + seed, bias=bias)
        (exported / f"model.{precision}.onnx").write_bytes(data)
    write_lock(workspace)


def details(skill: float) -> dict[str, object]:
    """Return what evaluation says of its numbers, of one set with a class of an odd name."""
    dice = {"value": skill, "interval_95": [skill - 0.1, skill + 0.05]}
    classes = {"../odd class": {"defects": 24, "dice": skill, "found_share": 1.0}}
    return {
        "headline": {"sets": ["synthetic"], "sentence": "synthetic test images"},
        "overall": {"images": IMAGES, "dice": dice},
        "sets": {
            "synthetic": {
                "dice": dice,
                "false_alarm_rate": {"value": None, "interval_95": None},
                "classes": classes,
            }
        },
    }


def write_lock(workspace: Workspace) -> None:
    """Write the ``dvc.lock`` of the outputs as they are."""
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
            ],
        }
    text = yaml.safe_dump({"schema": "2.0", "stages": stages}, sort_keys=False)
    (workspace.root / "dvc.lock").write_text(text)


def model_bytes(
    identity: str,
    precision: str,
    threshold: float = 0.5,
    *,
    gain: float = 1.0,
    bias: float = 128.0,
) -> bytes:
    """Return an ONNX file that keeps the contract: brightness above ``bias`` is a defect."""
    nodes = [
        helper.make_node("Cast", ["image"], ["level"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["level", "middle"], ["centred"]),
        helper.make_node("Mul", ["centred", "gain"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["probability"]),
    ]
    shape = ["n", 1, "h", "w"]
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, shape)],
        [
            helper.make_tensor("middle", TensorProto.FLOAT, [1], [bias]),
            helper.make_tensor("gain", TensorProto.FLOAT, [1], [gain]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    card = ModelCard(
        fingerprint=identity,
        precision=precision,
        point=OperatingPoint(threshold),
        stride=16,
        tile=256,
        resizing=Resizing("none"),
        classes=("pit", "scratch"),
        statistics={},
    )
    helper.set_model_props(model, card.to_metadata())
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


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


def _write_test_set(evaluated: Path, rng: np.random.Generator, skill: float, images: int) -> None:
    """Write per-image results and the images that they are about: bright squares on dark."""
    for name in ("test_images", "test_masks"):
        shutil.rmtree(evaluated / name, ignore_errors=True)
        (evaluated / name).mkdir()
    lines = ["image_id,set,group,classes,tp,fp,fn,tn,dice,iou,score"]
    for index in range(images):
        name = f"image-{index:03d}"
        mask = np.zeros((SIDE, SIDE), dtype=bool)
        top, left = rng.integers(4, 40, 2)
        mask[top : top + 12, left : left + 12] = True
        noise = rng.integers(0, 60, mask.shape)
        Image.fromarray(np.where(mask, 255 - noise, noise).astype(np.uint8)).save(
            evaluated / "test_images" / f"{name}.png"
        )
        Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(
            evaluated / "test_masks" / f"{name}.png"
        )
        found = int(mask.sum() * min(1.0, skill))
        missed = int(mask.sum()) - found
        clear = SIDE * SIDE - int(mask.sum())
        dice = 2 * found / (2 * found + missed)
        row = (name, "synthetic", f"part-{index // 2}", "scratch", found, 0, missed, clear)
        lines.append(",".join(map(str, (*row, dice, found / (found + missed), 1.0))))
    (evaluated / "per_image.csv").write_text("\n".join(lines) + "\n")


def _write_json(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content))
