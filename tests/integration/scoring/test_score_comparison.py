"""Two jobs over the same images agree where their rows do."""

from pathlib import Path

import numpy as np
import pytest
from integration.scoring_jobs import rows, run_job, write_images, write_model
from integration.server.tiny_models import tiny_model

from blemish.errors import ScoringError
from blemish.inference import Segmenter
from blemish.scoring.job_comparison import FinishedJob, compare_jobs

IMAGES = 40


def test_agreement_is_that_of_the_rows(tmp_path: Path) -> None:
    """Counted by result, by number of defects and by pixel; images of one job alone apart."""
    source = write_images(tmp_path / "in", IMAGES)
    jobs = {}
    for name, level in (("a", 40.0), ("b", 150.0)):
        write_model(tmp_path / f"{name}.onnx").write_bytes(tiny_model(level=level))
        options = {"masks": "all"} if name == "a" else {}
        run_job(source, tmp_path / name, tmp_path / f"{name}.onnx", **options)
        if name == "a":
            write_images(source, 3, first=IMAGES)
        jobs[name] = {row["uri"]: row for row in rows(tmp_path / name)}
    result = compare_jobs(*(FinishedJob.open(str(tmp_path / name)) for name in "ab"))
    a, b = jobs["a"], jobs["b"]
    both = [uri for uri in a if a[uri]["status"] == b[uri]["status"] == "scored"]
    assert result.compared == len(both) == IMAGES - 1
    assert (result.only_a, result.only_b) == (0, 3)
    for key in ((True, True), (False, True), (True, False), (False, False)):
        expected = sum((a[u]["defective"], b[u]["defective"]) == key for u in both)
        assert result.results[key] == expected
    assert result.results[False, True] > 0
    assert result.same_count == sum(a[u]["defect_count"] == b[u]["defect_count"] for u in both)
    assert {item.uri for item in result.disagreements} == {
        u for u in both if a[u]["defective"] != b[u]["defective"]
    }
    assert result.with_masks == len(both)
    expected_iou = iou(tmp_path / "a.onnx", tmp_path / "b.onnx", both)
    assert result.mask_iou == pytest.approx(expected_iou)


def iou(first: Path, second: Path, uris: list[str]) -> float:
    """Overlap of the masks of two models, made anew."""
    from blemish.imaging import decode_image

    models = [Segmenter.from_file(path, threads=1) for path in (first, second)]
    both = either = 0
    for uri in uris:
        plane = decode_image(Path(uri).read_bytes()).plane
        a, b = (model.predict(plane).mask for model in models)
        both += np.count_nonzero(a & b)
        either += np.count_nonzero(a | b)
    return both / either


def test_what_is_no_job_is_refused(tmp_path: Path) -> None:
    """A folder of something else, one without a job, and one whose part is corrupt: a sentence."""
    with pytest.raises(ScoringError, match=r"holds no scoring job: there is no job\.json"):
        FinishedJob.open(str(tmp_path))
    (tmp_path / "job.json").write_text("{}")
    with pytest.raises(ScoringError, match="is no job of blemish"):
        FinishedJob.open(str(tmp_path))
    model = write_model(tmp_path / "model.onnx")
    run_job(write_images(tmp_path / "in", 2), tmp_path / "out", model)
    job = FinishedJob.open(str(tmp_path / "out"))
    (tmp_path / "out/images/part-0000000.parquet").write_bytes(b"PAR1")
    with pytest.raises(ScoringError, match="Shard 0 of the job at"):
        compare_jobs(job, job)
