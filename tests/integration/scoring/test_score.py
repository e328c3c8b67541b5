"""``blemish score`` on processes of this machine: rows, kills, a full disk, its command line."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from faulty_images import encode
from integration.scoring_jobs import (
    FAILED,
    IMAGES,
    draw_image,
    result_bytes,
    rows,
    run_job,
    start_command,
    write_images,
    write_model,
)
from integration.server.tiny_models import nan_on_white
from PIL import Image

from blemish.cli.score_command import score as command
from blemish.errors import ScoringError
from blemish.image_statistics import image_statistics
from blemish.imaging import decode_image
from blemish.inference import Segmenter
from blemish.scoring.run_lengths import decode_mask


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images ``in``, a model ``model.onnx``, and the job ``out`` over them, on two processes."""
    folder = tmp_path_factory.mktemp("score")
    write_images(folder / "in", IMAGES)
    write_model(folder / "model.onnx")
    run_job(folder / "in", folder / "out", folder / "model.onnx", workers=2, mask_png=True)
    return folder


def test_there_is_one_row_an_image(world: Path) -> None:
    """In the order of the names, each with what a prediction of that image says."""
    found = rows(world / "out")
    names = sorted(str(path) for path in (world / "in").rglob("*.png"))
    assert [row["uri"] for row in found] == names
    segmenter = Segmenter.from_file(world / "model.onnx", threads=1)
    defects = rows(world / "out", "defects")
    for row in found[:40]:
        if row["status"] == "failed":
            continue
        image = decode_image(Path(row["uri"]).read_bytes())
        expected = segmenter.predict(image.plane)
        assert row["sha256"] == image.sha256
        assert row["defective"] == bool(expected.defect_count)
        assert row["defect_area_px"] == int(expected.mask.sum())
        assert row["probability_max"] == pytest.approx(float(expected.probability.max()))
        assert row["sharpness"] == image_statistics(image.plane).sharpness
        mine = [defect for defect in defects if defect["uri"] == row["uri"]]
        assert [d["length_px"] for d in mine] == [d.length_px for d in expected.defects]
        assert [tuple(d["bbox"]) for d in mine] == [d.bbox for d in expected.defects]
        if expected.defect_count:
            mask = decode_mask(row["mask_counts"], row["height"], row["width"])
            np.testing.assert_array_equal(mask, expected.mask)
            with Image.open(world / "out" / row["mask_png"]) as png:
                np.testing.assert_array_equal(np.asarray(png), expected.mask * np.uint8(255))
        else:
            assert row["mask_counts"] is None
            assert row["mask_png"] is None


def test_a_failed_image_has_the_type_and_the_sentence_of_its_error(world: Path) -> None:
    """It stops nothing, and the summary counts it."""
    failed = [row for row in rows(world / "out") if row["status"] == "failed"]
    assert len(failed) == FAILED
    assert {row["error_type"] for row in failed} == {"ImageContentError"}
    assert all(row["error"].startswith("The PNG is") for row in failed)
    summary = json.loads((world / "out/summary.json").read_text())
    assert summary["errors"] == {"ImageContentError": FAILED}
    assert summary["scored"] == IMAGES - FAILED
    assert summary["defective"] == sum(bool(row["defective"]) for row in rows(world / "out"))
    assert "ImageContentError" in (world / "out/summary.txt").read_text()


def test_an_image_that_the_model_cannot_answer_is_one_failed_row(tmp_path: Path) -> None:
    """NaN for one image ends no job."""
    source, model = write_images(tmp_path / "in", 2), tmp_path / "nan.onnx"
    model.write_bytes(nan_on_white())
    (source / "white.png").write_bytes(encode(np.full((64, 64), 255, np.uint8)))
    run_job(source, tmp_path / "out", model)
    found = {Path(row["uri"]).name: row["error_type"] for row in rows(tmp_path / "out")}
    assert found == {"00000.png": None, "00001.png": None, "white.png": "ModelOutputError"}


def test_the_files_say_what_they_belong_to(world: Path) -> None:
    """Job, model and schema stand in the metadata of every part."""
    job = json.loads((world / "out/job.json").read_text())
    for path in (world / "out").glob("[idt]*/*.parquet"):
        metadata = pq.read_metadata(path).metadata
        assert metadata[b"blemish.job"].decode() == job["identity"]
        assert metadata[b"blemish.model_sha256"].decode() == job["model_sha256"]
        assert metadata[b"blemish.schema"] == b"1"


@pytest.mark.parametrize("victim", ["job", "worker", "job at its start"])
def test_a_kill_loses_and_doubles_nothing(world: Path, tmp_path: Path, victim: str) -> None:
    """After kill -9 and the same command again, every byte is that of an uninterrupted run."""
    out = tmp_path / "out"
    slow = write_model(tmp_path / "model.onnx")
    arguments = (world / "in", "--out", out, "--model", slow, "--mask-png")
    process = start_command(*arguments)
    moment = "plan/generation-0001.json" if "start" in victim else "images/part-0000000.parquet"
    wait_for(out / moment, process)
    if victim == "worker":
        os.kill(worker_ids(process.pid)[0], signal.SIGKILL)
    else:
        os.kill(process.pid, signal.SIGKILL)
    _, errors = process.communicate(timeout=120)
    if victim == "worker":
        assert process.returncode == 0, errors
    else:
        assert process.returncode == -signal.SIGKILL
        assert run_job(world / "in", out, slow, mask_png=True)["images"] == IMAGES
    assert result_bytes(out) == result_bytes(world / "out")


def worker_ids(parent: int) -> list[int]:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [
        pid
        for pid in map(int, children)
        if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def wait_for(path: Path, process: Any, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.01)


def test_a_shard_that_ends_every_worker_ends_the_job(job: Path) -> None:
    """After three, in a sentence that names the way on; what was done stays done."""
    run_job(job / "in", job / "out", job / "model.onnx", limit=40)
    process = start_command(
        job / "in", "--out", job / "out", "--model", job / "model.onnx", workers=1
    )
    end = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < end:
        for pid in worker_ids(process.pid):
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    _, errors = process.communicate()
    assert process.returncode == 1
    assert "3 processes ended on shard 2" in errors
    assert "BLEMISH_WORKERS=1" in errors
    assert len(rows(job / "out")) == 40


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 100 KB, which ``mount -o remount,size=8m`` makes larger."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(place)]
    mounted = subprocess.run(command, check=False, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a tmpfs cannot be mounted: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_ends_the_job_and_loses_nothing(world: Path, small_disk: Path) -> None:
    """In a sentence; with more room the same command goes on, and every byte is the whole job's."""
    options = {"mask_png": True}
    source, model, out = world / "in", world / "model.onnx", small_disk / "out"
    with pytest.raises(ScoringError, match=r"OUT .* cannot be used: No space left on device"):
        run_job(source, out, model, **options)
    whole, before = result_bytes(world / "out"), result_bytes(out)
    assert before.items() <= whole.items()
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    summary = run_job(source, out, model, **options)
    assert summary["images"] == IMAGES
    assert summary["run"]["images"] == IMAGES - 32 * sum("images/" in name for name in before)
    assert result_bytes(out) == whole


def test_what_may_not_be_read_is_said(tmp_path: Path) -> None:
    """A folder is named in the summary, a file has a row with its error, OUT is a sentence.

    So it is beside a link that loops and a name that is no UTF-8.
    """
    source, out = tmp_path / "in", tmp_path / "out"
    (source / "secret").mkdir(parents=True)
    (source / "open.png").write_bytes(draw_image(0))
    (source / "secret/x.png").write_bytes(draw_image(1))
    (source / "closed.png").write_bytes(draw_image(2))
    Path(os.fsdecode(bytes(source) + b"/\xff.png")).write_bytes(draw_image(3))
    (source / "loop").symlink_to(source)
    model = write_model(tmp_path / "model.onnx")
    out.mkdir()
    for path, mode in ((source / "secret", 0), (source / "closed.png", 0), (out, 0o555)):
        path.chmod(mode)
    arguments = (source, "--out", out, "--model", model, "--strict", "--json")
    refused = start_command(*arguments, workers=1, privileged=False)
    _, errors = refused.communicate(timeout=120)
    assert refused.returncode == 1
    assert f"OUT {out} cannot be used: Permission denied" in errors.replace("\n", " ")
    out.chmod(0o755)
    strict = start_command(*arguments, workers=1, privileged=False)
    said, errors = strict.communicate(timeout=120)
    (source / "secret").chmod(0o755)  # so that it can be removed
    assert strict.returncode == 1, errors
    assert json.loads(said)["plan"]["unreadable_folders"] == [str(source / "secret")]
    found = {row["uri"]: row["error_type"] for row in rows(out)}
    assert found == {
        str(source / "closed.png"): "PermissionError",
        str(source / "open.png"): None,
        f"file://{source}/%FF.png": None,
    }


def test_the_command_line(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """0 where images failed, 1 with --strict, 2 for wrong usage; --json prints the summary."""
    monkeypatch.setenv("BLEMISH_WORKERS", "1")
    (job / "empty").mkdir()
    (job / "in/broken.png").write_bytes(b"x")
    (job / "names.csv").write_text("name\nx.png\n")
    usual = ("--out", job / "out", "--model", job / "model.onnx")

    def run(*arguments: object) -> Any:
        return CliRunner().invoke(command, [str(argument) for argument in arguments])

    first = run(job / "in", job / "in/line-0/00000.png", *usual, "--limit", 10)
    assert first.exit_code == 0, first.output
    assert "SOURCE names 1 images more than once; each has one row." in first.stdout
    assert "10 images by model.onnx" in first.stdout
    strict = run(job / "in", *usual, "--limit", 10, "--strict", "--json")
    assert strict.exit_code == 1
    assert json.loads(strict.stdout)["failed"] == 1
    for arguments, sentence in (
        ((job / "empty",), "names no image"),
        ((job / "names.csv",), "needs a column 'uri'"),
        ((job / "absent.png",), "does not exist"),
        (("nosuch://x/y",), "Nothing installed reads nosuch://"),
        ((job / "in", "--address", "auto"), "needs --engine ray"),
        ((job / "in", "--masks", "none", "--mask-png"), "needs masks"),
        ((job / "in", "--limit", "0"), "0 is not in the range"),
    ):
        refused = run(*arguments, *usual)
        assert refused.exit_code == 2, arguments
        assert sentence in refused.stderr.replace("\n", " ")
