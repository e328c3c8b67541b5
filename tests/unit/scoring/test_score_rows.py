"""The rows of a shard: masks as run lengths, identity of a job, which parts count."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pycocotools import mask as coco

from blemish.defects import Defect
from blemish.errors import ScoringError, ShapeError
from blemish.prediction import Prediction
from blemish.scoring import score_schema
from blemish.scoring.job_folder import JobFolder
from blemish.scoring.run_lengths import decode_mask, encode_mask
from blemish.scoring.scoring_job import ScoringJob
from blemish.scoring.shard_parts import Commit, ShardParts, write_parts

JOB = ScoringJob(
    model_sha256="a" * 64,
    model_name="blemish",
    model_version=3,
    model_ref="champion",
    fingerprint="f" * 64,
    precision="fp32",
    threshold=0.5,
    peak=0.75,
    masks="defective",
    mask_png=False,
    bits=None,
    megabytes=32,
    megapixels=50,
    side=16_384,
)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (7, 1), (13, 5), (40, 41)])
def test_run_lengths_are_those_of_coco(height: int, width: int, share: float) -> None:
    """pycocotools reads them as the same mask, and they come back as it."""
    mask = np.random.default_rng(3).random((height, width)) < share
    counts = encode_mask(mask)
    form = coco.frPyObjects({"size": [height, width], "counts": counts.tolist()}, height, width)
    np.testing.assert_array_equal(coco.decode(form).astype(bool), mask)
    np.testing.assert_array_equal(decode_mask(counts, height, width), mask)


def test_run_lengths_of_another_size_are_refused() -> None:
    """They must fill the image."""
    with pytest.raises(ShapeError, match="9 pixels are no mask of 2 x 4"):
        decode_mask([4, 5], 2, 4)


def test_a_job_is_what_decides_its_rows() -> None:
    """Names of the model do not; every other difference is refused, and named."""
    place = "/out"
    assert ScoringJob.from_json(JOB.to_json(), place) == JOB
    JOB.require_same(replace(JOB, model_ref="3", model_version=None, model_name="x.onnx"), place)
    other = replace(JOB, model_sha256="b" * 64, masks="all", bits=12)
    with pytest.raises(ScoringError) as refusal:
        JOB.require_same(other, place)
    for part in ("model_sha256 'aaa", "masks 'defective' there, 'all' now", "bits None there, 12"):
        assert part in str(refusal.value)


def test_an_edited_job_is_refused() -> None:
    """As is a file that is none."""
    edited = JOB.to_json().replace(b'"peak": 0.75', b'"peak": 0.25')
    with pytest.raises(ScoringError, match="was edited"):
        ScoringJob.from_json(edited, "/out")
    for text in (b"", b"{}", b"[]", b"\xff"):
        with pytest.raises(ScoringError, match="is no job of blemish"):
            ScoringJob.from_json(text, "/out")


def tables(status: str) -> dict:
    images = pa.Table.from_pylist([{"uri": "a", "status": status}], schema=score_schema.IMAGES)
    return {
        "images": images,
        "defects": score_schema.DEFECTS.empty_table(),
        "timings": score_schema.TIMINGS.empty_table(),
    }


def test_the_commit_file_decides_which_part_counts(tmp_path: Path) -> None:
    """Until it is written the old part counts and the new one is a leftover; then the new one."""
    folder = JobFolder(str(tmp_path))
    metadata = {"blemish.failed": "1"}
    write_parts(folder, 7, Commit(), tables("failed"), metadata)
    assert ShardParts.scan(folder).failed_images(7) == 1
    write_parts(folder, 7, Commit(1), tables("scored"), {"blemish.failed": "0"})
    parts = ShardParts.scan(folder)
    assert parts.failed_images(7) == 0
    assert parts.read("images", 7)["status"].to_pylist() == ["scored"]
    assert [p.name for p in (tmp_path / "images").iterdir()] == ["part-0000007.retry-1.parquet"]


def test_the_parts_of_a_killed_attempt_are_removed(tmp_path: Path) -> None:
    """Without its commit file an attempt never happened."""
    folder = JobFolder(str(tmp_path))
    write_parts(folder, 0, Commit(), tables("failed"), {"blemish.failed": "1"})
    kept = sorted(tmp_path.rglob("*.parquet"))
    first = {path: path.read_bytes() for path in kept}
    write_parts(folder, 0, Commit(1), tables("scored"), {"blemish.failed": "0"})
    (tmp_path / "commits/0000000.json").unlink()
    for path, data in first.items():
        path.write_bytes(data)
    assert len(list(tmp_path.rglob("*.parquet"))) == 6
    parts = ShardParts.scan(folder)
    parts.remove_leftovers()
    assert sorted(tmp_path.rglob("*.parquet")) == kept
    assert parts.read("images", 0)["status"].to_pylist() == ["failed"]


def test_the_columns_of_a_defect_are_those_of_a_prediction() -> None:
    """A defect in a table says what ``/v1/predict`` says of it."""
    own = {"uri", "defect"}
    assert set(score_schema.DEFECTS.names) - own == {field.name for field in fields(Defect)}
    shared = {"defective", "defect_count", "defect_area_fraction", "warnings"}
    assert shared <= set(score_schema.IMAGES.names) & set(Prediction.model_fields)
