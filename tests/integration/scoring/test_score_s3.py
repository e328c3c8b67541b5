"""``blemish score`` from and to a real S3-compatible server."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import fsspec
import pyarrow.parquet as pq
import pytest
from integration.scoring_jobs import draw_image, run_job, write_model
from moto.server import ThreadedMotoServer

from blemish.errors import SourceError
from blemish.scoring import remote_listing
from blemish.scoring.job_folder import JobFolder
from blemish.scoring.sources import Sources

IMAGES = 40


@pytest.fixture(scope="module")
def s3() -> Iterator[fsspec.AbstractFileSystem]:
    """A server with a bucket of images, two of them broken, one hidden, and a file of text."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    environment = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield fill_bucket()
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    server.stop()


def fill_bucket() -> fsspec.AbstractFileSystem:
    files = fsspec.filesystem("s3", skip_instance_cache=True, use_listings_cache=False)
    files.mkdir("line")
    for number in range(IMAGES):
        files.pipe_file(f"line/2026/{number % 3}/{number:03}.png", draw_image(number))
    files.pipe_file("line/2026/0/000.png", b"")
    files.pipe_file("line/2026/1/001.png", b"no image")
    files.pipe_file("line/2026/notes.txt", b"no image")
    files.pipe_file("line/2026/.hidden/x.png", b"x")
    return files


def read_rows(files: fsspec.AbstractFileSystem, folder: str) -> list[dict]:
    parts = sorted(files.ls(folder, detail=False))
    tables = [pq.read_table(BytesIO(files.cat_file(part))) for part in parts]
    return [row for table in tables for row in table.to_pylist()]


def test_urls_are_objects_prefixes_and_globs(s3: fsspec.AbstractFileSystem) -> None:
    """A URL that names nothing, or a bucket that is not there, is refused in a sentence."""
    nowhere = JobFolder("/nowhere")

    def listed(url: str) -> int:
        return len(list(Sources([url], nowhere)))

    assert listed("s3://line/2026/0/003.png") == 1
    assert listed("s3://line/2026/0/") == 14
    assert listed("s3://line/2026/[12]/*.png") == 26
    assert listed("s3://line/**/00?.png") == 10
    for url in ("s3://line/2027", "s3://line/2026/0/00", "s3://line/*.gif"):
        with pytest.raises(SourceError, match="names no image"):
            listed(url)
    with pytest.raises(SourceError, match="Cannot list SOURCE s3://absent/x"):
        listed("s3://absent/x")


@pytest.mark.timeout(300)
def test_source_and_out_are_object_stores(
    s3: fsspec.AbstractFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All images by pages of the listing; resumed after losing a part; a retry switches parts."""
    model = write_model(tmp_path / "model.onnx")
    source, out = "s3://line/2026", "s3://line/scores"
    monkeypatch.setattr(remote_listing, "_PAGE", 7)
    summary = run_job(source, out, model)
    assert (summary["images"], summary["failed"]) == (IMAGES, 2)
    found = read_rows(s3, "line/scores/images")
    names = [f"s3://line/2026/{n % 3}/{n:03}.png" for n in range(IMAGES)]
    assert [row["uri"] for row in found] == sorted(names)
    assert [row["uri"] for row in found if row["status"] == "failed"] == names[:2]
    assert sum(bool(row["defective"]) for row in found) == summary["defective"] == 13

    s3.rm_file("line/scores/images/part-0000001.parquet")
    assert run_job(source, out, model)["run"]["images"] == IMAGES - 32
    assert read_rows(s3, "line/scores/images") == found

    s3.pipe_file("line/2026/0/000.png", draw_image(0))
    summary = run_job(source, out, model, retry_errors=True)
    assert (summary["run"]["images"], summary["failed"], summary["plan"]["changed"]) == (2, 1, 1)
    assert len(read_rows(s3, "line/scores/images")) == IMAGES
