"""``blemish predict`` on files and folders, with a model file and with the registry."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result
from faulty_images import encode
from integration.server.rig import Shelf
from integration.server.tiny_models import nan_on_white, tiny_model
from PIL import Image

from blemish.cli.predict_command import collect, predict
from blemish.inference import Segmenter, golden_image

PNG = encode(golden_image(256))


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """A folder of images, one of them below, two that share a stem."""
    folder = tmp_path / "in"
    (folder / "line-1").mkdir(parents=True)
    (folder / "x.png").write_bytes(PNG)
    (folder / "x.jpg").write_bytes(encode(golden_image(256), "JPEG"))
    (folder / "line-1" / "y.bmp").write_bytes(encode(golden_image(256)[:300, :50], "BMP"))
    (folder / "notes.txt").write_text("no image")
    (folder / ".hidden.png").write_bytes(PNG)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model file."""
    path = tmp_path / "model.onnx"
    path.write_bytes(tiny_model())
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(predict, [str(argument) for argument in arguments])


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_folders_are_mirrored(inputs: Path, model: Path, tmp_path: Path) -> None:
    """Each image gets four files at its place below DIR; shared stems keep their extension."""
    out = tmp_path / "out"
    assert run(inputs, "--model", model, "--out", out).exit_code == 0
    written = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    kinds = ("heatmap.png", "json", "mask.png", "overlay.png")
    assert written == sorted(
        f"{name}.{kind}" for name in ("line-1/y", "x.jpg", "x.png") for kind in kinds
    )
    mask = read(out / "x.png.mask.png")
    expected = Segmenter.from_file(model).predict(golden_image(256)).mask
    np.testing.assert_array_equal(mask, expected * np.uint8(255))
    assert read(out / "line-1" / "y.mask.png").shape == (256, 50)
    document = json.loads((out / "x.png.json").read_text())
    assert document["model"]["name"] == "model.onnx"
    assert document["defective"] is True


def test_an_image_that_a_model_cannot_answer_is_one_failure(inputs: Path, tmp_path: Path) -> None:
    """NaN for one image is no good part and no end of the others."""
    model = tmp_path / "nan.onnx"
    model.write_bytes(nan_on_white())
    (inputs / "white.png").write_bytes(encode(np.full((64, 64), 255, np.uint8)))
    done = run(inputs, "--model", model, "--json")
    assert done.exit_code == 1
    results = {Path(one["path"]).name: one for one in json.loads(done.stdout)}
    assert "probabilities are 0 to 1" in results["white.png"]["error"]
    assert [name for name, one in results.items() if "error" in one] == ["white.png"]
    assert len(results) == 4


def test_one_failing_image_is_named_and_the_rest_goes_on(
    inputs: Path, model: Path, tmp_path: Path
) -> None:
    """A broken image is named with its reason, all others are written, the exit is 1."""
    (inputs / "broken.png").write_bytes(PNG[:-12])
    out = tmp_path / "out"
    result = run(inputs, "--model", model, "--out", out)
    assert result.exit_code == 1
    assert "broken.png: failed: The PNG is corrupt" in result.stderr
    assert "4 images, 3 defective, 1 failed" in result.stderr
    assert not list(out.glob("broken*"))
    assert len(list(out.rglob("*.mask.png"))) == 3


def test_exit_codes(inputs: Path, model: Path, tmp_path: Path) -> None:
    """0 with or without defects, 1 with --fail-on-defect if there is one, 2 for wrong usage."""
    clean = tmp_path / "clean.png"
    clean.write_bytes(encode(np.full((64, 64), 250, np.uint8)))
    assert run(clean, "--model", model).exit_code == 0
    assert run(clean, "--model", model, "--fail-on-defect").exit_code == 0
    assert run(inputs, "--model", model).exit_code == 0
    assert run(inputs, "--model", model, "--fail-on-defect").exit_code == 1
    assert run("nowhere.png", "--model", model).exit_code == 2
    assert run(clean, "--model", model, "--threshold", "2").exit_code == 2
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run(empty, "--model", model).exit_code == 2


def test_json_is_one_document(inputs: Path, model: Path) -> None:
    """--json prints a list, one answer or error an image, and nothing else on stdout."""
    (inputs / "broken.png").write_bytes(b"")
    result = run(inputs, "--model", model, "--json")
    answers: list[dict[str, Any]] = json.loads(result.stdout)
    assert [Path(answer["path"]).name for answer in answers] == [
        "broken.png",
        "y.bmp",
        "x.jpg",
        "x.png",
    ]
    assert "0 bytes" in answers[0]["error"]
    assert all("defects" in answer for answer in answers[1:])


def test_output_below_the_input_is_not_read_again(inputs: Path, model: Path) -> None:
    """With DIR inside the folder a second run finds the same images."""
    for _ in range(2):
        result = run(inputs, "--model", model, "--out", inputs / "out")
        assert "3 images" in result.stderr


def test_names_never_collide(tmp_path: Path) -> None:
    """Stems, extensions and folders are named apart; what cannot be is refused by name."""
    for name in ("x.png", "x.jpg", "x.jpg.png", "a/x.png", "b/x.png", "b/c/x.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(PNG)
    found = {item.output.as_posix() for item in collect([tmp_path], None)}
    assert found == {"x.png", "x.jpg", "x.jpg.png", "a/x", "b/x", "b/c/x"}
    two = {item.output.as_posix() for item in collect([tmp_path / "a", tmp_path / "b"], None)}
    assert two == {"a/x", "b/x", "b/c/x"}
    twice = collect([tmp_path / "x.png", tmp_path, tmp_path / "x.png"], None)
    assert len(twice) == 6
    (tmp_path / "b/linked").symlink_to(tmp_path / "a")
    linked = {item.output.as_posix() for item in collect([tmp_path / "b"], None)}
    assert linked == {"x", "c/x", "linked/x"}


def test_a_folder_that_cannot_be_listed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is named with the system's reason; the images beside it are found."""
    for name in ("locked/x.png", "y.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(PNG)
    scandir = os.scandir

    def refuse(folder: Path) -> object:
        if Path(folder).name == "locked":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    unreadable = []
    assert [item.output.as_posix() for item in collect([tmp_path], None, unreadable)] == ["y"]
    assert [(one.file, one.reason) for one in unreadable] == [
        (str(tmp_path / "locked"), "cannot be read: Permission denied")
    ]
    with pytest.raises(click.UsageError, match="would both write"):
        collect([tmp_path / "a" / "x.png", tmp_path / "b" / "x.png"], None)


def test_strange_names_are_harmless(model: Path, tmp_path: Path) -> None:
    """Escape codes in a file name never reach the terminal; bytes that are no text are read."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "\x1b[31mred.png").write_bytes(b"x")
    (folder / os.fsdecode(b"\xff.png")).write_bytes(PNG)
    result = run(folder, "--model", model, "--out", tmp_path / "out")
    assert "\x1b" not in result.output
    assert "2 images, 1 defective, 1 failed" in result.stderr


def test_bad_models_are_one_sentence(model: Path, tmp_path: Path) -> None:
    """A file that is missing or no model is refused by an error of ours."""
    from blemish.errors import ModelFileError

    image = tmp_path / "a.png"
    image.write_bytes(PNG)
    model.write_bytes(b"hello")
    for path in (model, tmp_path / "missing.onnx"):
        assert isinstance(run(image, "--model", path).exception, ModelFileError)


def test_the_registry_answers_by_alias_and_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The champion is the default; any alias or number is taken, and named in the answer."""
    monkeypatch.setenv("BLEMISH_CACHE", str(tmp_path / "cache"))
    shelf = Shelf(tmp_path)
    for level in (80.0, 120.0):
        shelf.add(tiny_model(level=level))
    shelf.point("champion", 1)
    shelf.point("candidate", 2)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", shelf.uri)
    image = tmp_path / "a.png"
    image.write_bytes(PNG)
    for ref, version, alias in (
        ("champion", 1, "champion"),
        ("candidate", 2, "candidate"),
        ("2", 2, None),
    ):
        result = run(image, "--model", ref, "--json")
        assert result.exit_code == 0, result.output
        (answer,) = json.loads(result.stdout)
        assert (answer["model"]["version"], answer["model"]["alias"]) == (version, alias)
    shutil.rmtree(tmp_path / "artifacts")
    assert json.loads(run(image, "--json").stdout)[0]["model"]["version"] == 1
