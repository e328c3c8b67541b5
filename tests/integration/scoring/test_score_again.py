"""The same job again: growth, retries, refusals."""

import shutil
from pathlib import Path

import pytest
from integration.scoring_jobs import (
    FAILED,
    IMAGES,
    draw_image,
    result_bytes,
    rows,
    run_job,
    write_images,
)
from integration.server.rig import Shelf
from integration.server.tiny_models import tiny_model

from blemish.errors import ScoringError


def test_a_grown_source_adds_rows_and_leaves_the_others(job: Path) -> None:
    """Changed images are reported, and scored again only when asked for."""
    source, out, model = job / "in", job / "out", job / "model.onnx"
    run_job(source, out, model)
    first = result_bytes(out)
    write_images(source, 5, first=IMAGES)
    changed = source / "line-0/00006.png"
    changed.write_bytes(draw_image(1))
    vanished = source / "line-0/00008.png"
    vanished.unlink()
    summary = run_job(source, out, model)
    assert summary["run"]["images"] == summary["plan"]["new"] == 5
    assert (summary["plan"]["changed"], summary["plan"]["vanished"]) == (1, 1)
    assert summary["plan"]["examples"] == [str(changed), str(vanished)]
    assert first.items() <= result_bytes(out).items()
    before = {row["uri"]: row for row in rows(out)}
    assert before[str(changed)]["defective"]
    summary = run_job(source, out, model, rescore_changed=True)
    assert summary["run"]["images"] == 2
    after = {row["uri"]: row for row in rows(out)}
    assert len(after) == len(rows(out)) == IMAGES + 5
    assert not after.pop(str(changed))["defective"]
    gone = after.pop(str(vanished))
    assert (gone["status"], gone["error_type"]) == ("failed", "FileNotFoundError")
    assert after == {uri: before[uri] for uri in after}
    assert not [d for d in rows(out, "defects") if d["uri"] == str(changed)]


def test_errors_are_retried_and_the_result_is_that_of_a_fresh_run(job: Path) -> None:
    """Only failed images are read again; a shard changes hands by one small file."""
    source, model = job / "in", job / "model.onnx"
    run_job(source, job / "out", model)
    broken = source / "line-1/00007.png"
    broken.write_bytes(draw_image(6))
    assert run_job(source, job / "out", model)["run"]["images"] == 0
    summary = run_job(source, job / "out", model, retry_errors=True)
    assert summary["run"]["images"] == FAILED
    assert summary["failed"] == FAILED - 1
    assert len(list((job / "out/images").glob("*.retry-1.parquet"))) == FAILED
    run_job(source, job / "fresh", model)
    for kind in ("images", "defects"):
        ours = sorted(rows(job / "out", kind), key=lambda r: (r["uri"], r.get("defect", 0)))
        theirs = sorted(rows(job / "fresh", kind), key=lambda r: (r["uri"], r.get("defect", 0)))
        assert ours == theirs
    assert run_job(source, job / "out", model, retry_errors=True)["run"]["images"] == FAILED - 1


def test_another_job_in_the_same_folder_is_refused(job: Path) -> None:
    """With the difference named; a folder of something else, too. Nothing is touched."""
    source, model = job / "in", job / "model.onnx"
    run_job(source, job / "out", model, limit=3)
    before = result_bytes(job / "out")
    other = job / "other.onnx"
    other.write_bytes(tiny_model(level=41.0))
    with pytest.raises(ScoringError, match=r"model_sha256 '\w+' there, '\w+' now"):
        run_job(source, job / "out", other)
    with pytest.raises(ScoringError, match="masks 'defective' there, 'all' now"):
        run_job(source, job / "out", model, masks="all")
    assert result_bytes(job / "out") == before
    with pytest.raises(ScoringError, match="holds something else"):
        run_job(source, source, model)


def test_a_job_keeps_the_version_it_began_with(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though its alias has moved, its version was deleted and the folder lost its model file."""
    monkeypatch.setenv("BLEMISH_CACHE", str(job / "cache"))
    shelf = Shelf(job)
    for level in (40.0, 41.0):
        shelf.add(tiny_model(level=level))
    shelf.point("champion", 1)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", shelf.uri)
    source, out = job / "in", job / "out"
    first = run_job(source, out, "champion", limit=5)
    shelf.point("champion", 2)
    with shelf.registry.store.calling("Deleting a version") as client:
        client.delete_model_version("blemish", "1")
    (out / "model.onnx").unlink()
    second = run_job(source, out, "champion")
    assert second["model"] == first["model"]
    assert second["model"]["version"] == 1
    assert second["images"] == IMAGES
    with pytest.raises(ScoringError, match="model_sha256"):
        run_job(source, out, "2")


def test_a_process_that_cannot_write_ends_the_job(job: Path) -> None:
    """A worker's fault is a sentence here, as is an OUT that is a file."""
    (job / "out").mkdir()
    run_job(job / "in", job / "out", job / "model.onnx", limit=1)
    shutil.rmtree(job / "out/timings")
    (job / "out/timings").write_text("in the way")
    with pytest.raises(ScoringError, match=r"OUT .* cannot be used: (File exists|Not a directory)"):
        run_job(job / "in", job / "out", job / "model.onnx")
    assert len(rows(job / "out")) == 1
    with pytest.raises(ScoringError, match=r"OUT .* cannot be used: File exists"):
        run_job(job / "in", job / "model.onnx", job / "model.onnx")
