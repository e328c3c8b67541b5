"""Planning a scoring job: what SOURCE names, sorted in bounded memory, cut into shards."""

import os
import random
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blemish.errors import ScoringError, SourceError
from blemish.scoring import external_sort, shard_plan
from blemish.scoring.external_sort import SortedNames
from blemish.scoring.image_uris import Listed, to_path
from blemish.scoring.job_folder import JobFolder
from blemish.scoring.plan_growth import Growth, grow_plan, read_changes
from blemish.scoring.shard_plan import ShardPlan, shard_size
from blemish.scoring.sources import Sources


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Files that are called images; nothing reads them here."""
    folder = tmp_path / "in"
    for name in ("b/2.png", "b/1.JPG", "a.png", "notes.txt", ".hidden.png", "c/.cache/x.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def listed(*sources: object, out: Path | None = None) -> list[str]:
    folder = JobFolder(str(out or "/nowhere"))
    return sorted(entry.uri for entry in Sources([str(source) for source in sources], folder))


def grow(images: Path, out: Path, *, limit: int | None = None, rescore: bool = False) -> Growth:
    return grow_plan(JobFolder(str(out)), [str(images)], limit=limit, rescore_changed=rescore)


def planned(out: Path) -> list[list[str]]:
    folder = JobFolder(str(out))
    plan = ShardPlan.load(folder)
    return [[entry.uri for entry in plan.read_shard(folder, shard)] for shard in range(plan.shards)]


def test_a_folder_is_walked(images: Path) -> None:
    """Images by their suffix, in all folders below, but for hidden ones and the output's."""
    expected = [f"{images}/{name}" for name in ("a.png", "b/1.JPG", "b/2.png")]
    assert listed(images) == expected
    assert listed(images, out=images / "b") == expected[:1]


def test_files_and_globs_are_taken_as_they_are(images: Path) -> None:
    """A file or a glob names an image whatever its suffix; a glob's folders are walked."""
    assert listed(images / "notes.txt") == [f"{images}/notes.txt"]
    assert listed(f"{images}/*") == [
        f"{images}/{name}" for name in ("a.png", "b/1.JPG", "b/2.png", "notes.txt")
    ]
    assert listed(f"{images}/**/[0-9].*") == [f"{images}/b/1.JPG", f"{images}/b/2.png"]


def test_manifests_name_images(images: Path, tmp_path: Path) -> None:
    """The column uri of a CSV or Parquet file; relative paths begin at the manifest."""
    (images / "list.csv").write_text("part,uri\n7,a.png\n8,/elsewhere/x.png\n")
    pq.write_table(pa.table({"uri": ["b/2.png", "s3://bucket/y.png"]}), images / "list.parquet")
    assert listed(images / "list.csv", images / "list.parquet") == [
        "/elsewhere/x.png",
        f"{images}/a.png",
        f"{images}/b/2.png",
        "s3://bucket/y.png",
    ]


def test_bad_manifests_are_one_sentence(tmp_path: Path) -> None:
    """Without uri, with an empty uri, with numbers, corrupt or absent."""
    (tmp_path / "names.csv").write_text("name\na.png\n")
    (tmp_path / "empty.csv").write_text("uri,part\n,1\n")
    (tmp_path / "corrupt.parquet").write_bytes(b"PAR1")
    pq.write_table(pa.table({"uri": [1, 2]}), tmp_path / "numbers.parquet")
    for name, sentence in (
        ("names.csv", "has columns name; it needs a column 'uri'"),
        ("empty.csv", "has a row without a uri"),
        ("corrupt.parquet", "Cannot read the manifest"),
        ("numbers.parquet", "holds int64; accepted: string"),
        ("absent.csv", "Cannot read the manifest"),
    ):
        with pytest.raises(SourceError, match=sentence):
            listed(tmp_path / name)


def test_names_that_are_no_utf8_are_kept_byte_for_byte(tmp_path: Path) -> None:
    """They are named by a file URL, which gives back the very path."""
    path = os.fsdecode(bytes(tmp_path) + b"/\xff %41.png")
    Path(path).write_bytes(b"x")
    (uri,) = listed(tmp_path)
    assert uri.startswith("file:///")
    assert uri.isascii()
    assert to_path(uri) == path


def test_links_are_followed_and_end(images: Path, tmp_path: Path) -> None:
    """Each folder is read once, by its own name where it has one below SOURCE."""
    (images / "a loop").symlink_to(images)
    (images / "a twin of b").symlink_to(images / "b")
    (images / "self.png").symlink_to(images / "self.png")
    (tmp_path / "far").mkdir()
    (tmp_path / "far/3.png").write_bytes(b"x")
    (images / "far").symlink_to(tmp_path / "far")
    sources = Sources([str(images)], JobFolder("/nowhere"))
    found = {entry.uri.removeprefix(f"{images}/"): entry.size for entry in sources}
    assert found == {"a.png": 1, "b/1.JPG": 1, "b/2.png": 1, "far/3.png": 1, "self.png": None}


def test_what_cannot_be_used_is_refused(tmp_path: Path) -> None:
    """A SOURCE that is absent, an unknown kind of URL, an OUT where files do not appear whole."""
    with pytest.raises(SourceError, match="does not exist"):
        listed(tmp_path / "absent")
    with pytest.raises(SourceError, match="Nothing installed reads nosuch://"):
        listed("nosuch://bucket/x")
    with pytest.raises(SourceError, match="may leave half a file"):
        JobFolder("ftp://host.invalid/folder")


def test_sorting_keeps_each_name_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that fit in memory are merged in the order of bytes; duplicates are counted."""
    monkeypatch.setattr(external_sort, "_RUN", 100)
    names = [f"{n:05}" for n in range(1_000)] + ["Z", "a", "ä", "\U0001f600", "\ufffd"]
    mixed = names + names[:37]
    random.Random(1).shuffle(mixed)  # noqa: S311 - an order, no secret
    result = SortedNames((Listed(name, 1, None) for name in mixed), tmp_path)
    assert [e.uri for e in result] == sorted(names, key=str.encode)
    assert result.duplicates == 37
    assert len(list(tmp_path.iterdir())) == 11


def test_shards_are_cut_from_the_sorted_names(images: Path, tmp_path: Path) -> None:
    """Shards hold the names in order, and their size depends on the number of images alone."""
    for number in range(90):
        (images / f"n{number:02}.png").write_bytes(b"x")
    grow(images, tmp_path / "out")
    shards = planned(tmp_path / "out")
    assert [len(shard) for shard in shards] == [32, 32, 29]
    assert list(chain(*shards)) == listed(images)
    assert [shard_size(n) for n in (1, 1_000, 3_200, 10_000, 1_000_000)] == [32, 32, 100, 313, 512]


def test_a_plan_of_several_files(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every shard is found in its file."""
    monkeypatch.setattr(shard_plan, "_SHARDS_A_FILE", 2)
    monkeypatch.setattr(shard_plan, "SMALLEST_SHARD", 1)
    for number in range(9):
        (images / f"n{number}.png").write_bytes(b"x")
    grow(images, tmp_path / "out")
    assert len(list((tmp_path / "out/plan/generation-0001").iterdir())) == 6
    assert list(chain(*planned(tmp_path / "out"))) == listed(images)


def test_a_grown_source_gets_shards_of_its_own(images: Path, tmp_path: Path) -> None:
    """The first generation stays as it is; the second holds what is new, sorted."""
    out = tmp_path / "out"
    assert grow(images, out).new == 3
    before = (out / "plan/generation-0001/part-00000.parquet").read_bytes()
    assert grow(images, out).new == 0
    for name in ("z.png", "0.png"):
        (images / name).write_bytes(b"x")
    assert grow(images, out).new == 2
    first, second = planned(out)
    assert len(first) == 3
    assert second == [f"{images}/0.png", f"{images}/z.png"]
    assert (out / "plan/generation-0001/part-00000.parquet").read_bytes() == before
    assert len(list((out / "plan").glob("*.json"))) == 2


def test_a_limit_takes_the_first_names_and_can_be_lifted(images: Path, tmp_path: Path) -> None:
    """Without the limit the rest is added."""
    out = tmp_path / "out"
    assert grow(images, out, limit=1).new == 1
    assert grow(images, out, limit=1).new == 0
    assert grow(images, out).new == 2
    assert planned(out) == [[f"{images}/a.png"], [f"{images}/b/1.JPG", f"{images}/b/2.png"]]


def test_changed_and_vanished_images_are_reported(images: Path, tmp_path: Path) -> None:
    """They are planned again only when asked for, and then count as known."""
    out = tmp_path / "out"
    grow(images, out)
    (images / "a.png").write_bytes(b"longer")
    (images / "b/2.png").unlink()
    for _ in range(2):
        changes = grow(images, out).changes
        assert (changes.changed, changes.vanished) == (1, 1)
        assert changes.examples == [f"{images}/a.png", f"{images}/b/2.png"]
    (_, again) = grow(images, out, rescore=True).plan.generations
    assert again.redone_shards == (0,)
    assert again.images == 0
    assert read_changes(JobFolder(str(out)), again, 0) == changes.examples
    assert grow(images, out, rescore=True).changes.examples == []
    (images / "b/2.png").write_bytes(b"x")
    assert grow(images, out).changes.examples == [f"{images}/b/2.png"]


def test_a_killed_listing_leaves_no_generation(images: Path, tmp_path: Path) -> None:
    """Names without a description do not count, and are written anew."""
    out = tmp_path / "out"
    grow(images, out)
    (out / "plan/generation-0001.json").unlink()
    assert ShardPlan.load(JobFolder(str(out))).shards == 0
    assert grow(images, out).new == 3


def test_an_empty_source_is_refused(tmp_path: Path) -> None:
    """A folder without images is no job."""
    (tmp_path / "in").mkdir()
    with pytest.raises(SourceError, match="names no image"):
        grow(tmp_path / "in", tmp_path / "out")


def test_one_job_at_a_time(tmp_path: Path) -> None:
    """A folder that another job holds is refused; leftovers of a killed one are removed."""
    out = JobFolder(str(tmp_path / "out"))
    (tmp_path / "out/.partial").mkdir(parents=True)
    (tmp_path / "out/.partial/left").write_bytes(b"x")
    with out.claimed():
        assert not list((tmp_path / "out/.partial").iterdir())
        with pytest.raises(ScoringError, match="Another 'blemish score' is at work"), out.claimed():
            pass
    with out.claimed():
        pass
