"""Reading the registry of a real store: right, verified, and never for long."""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from integration.fake_servers import answering, hanging
from integration.tiny_checkout import IMAGES, make_checkout, write_outputs

from blemish.cli import program
from blemish.config import Workspace
from blemish.errors import (
    ModelFileError,
    NotFoundError,
    StoreUnreachableError,
    TamperedModelError,
)
from blemish.files import sha256_bytes
from blemish.recording import sync
from blemish.registry import LastKnown, ModelCache, Registry
from blemish.store import location
from blemish.store.names import MODEL


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A checkout whose outputs are recorded, shared by the tests that only read it.

    Its folder has the characters that URLs and migration scripts take for something else.
    """
    workspace = make_checkout(tmp_path_factory.mktemp("recorded") / "100% a%20b %(x)s" / "checkout")
    sync.record_workspace(workspace)
    return workspace


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("BLEMISH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def registry(recorded: Workspace) -> Registry:
    return Registry.connect(workspace=recorded)


@pytest.fixture
def own(tmp_path: Path) -> Workspace:
    """A recorded checkout that a test may damage."""
    workspace = make_checkout(tmp_path / "checkout")
    sync.record_workspace(workspace)
    return workspace


def stored_file(workspace: Workspace, registry: Registry, number: int) -> Path:
    uri = registry.store.client.get_model_version_download_uri(MODEL, str(number))
    return Path(uri.removeprefix("file://")) / "model.onnx"


def test_references_are_aliases_and_numbers(registry: Registry) -> None:
    """An alias, a number as text, and a number all lead to the same version."""
    champion = registry.resolve("champion")
    assert registry.resolve("1") == registry.resolve(1) == champion
    assert champion.aliases == ("candidate", "champion")
    assert champion.metrics["test_dice"] == 0.9
    assert champion.created.tzinfo is not None
    assert [version.version for version in registry.versions()] == [2, 1]


def test_weights_come_back_as_they_were(own: Workspace) -> None:
    """The weights behind a version are those of its tag; others in their place are refused."""
    registry = Registry.connect(workspace=own)
    version = registry.resolve("champion")
    assert sha256_bytes(registry.weights(version)) == version.tags["weights_sha256"]
    run = registry.store.client.get_run(version.run_id)
    folder = Path(run.info.artifact_uri.removeprefix("file://"))
    (folder / "weights" / "weights.pt").write_bytes(b"others")
    with pytest.raises(TamperedModelError, match="weights of version 1"):
        registry.weights(version)


@pytest.mark.parametrize(
    ("ref", "sentence"),
    [
        ("nobody", "No version of 'blemish' has alias 'nobody' at sqlite:///mlflow.db"),
        ("17", "'blemish' has no version 17 at sqlite:///mlflow.db"),
        ("..%2f..%2fetc", "names no version"),
        ("", "names no version"),
        ("x" * 5000, "names no version"),
        ("²", "names no version"),
    ],
)
def test_an_unknown_reference_is_told_what_there_is(
    registry: Registry, ref: str, sentence: str
) -> None:
    """The error repeats what was asked for and names the aliases and the next command."""
    with pytest.raises(NotFoundError) as caught:
        registry.resolve(ref)
    message = str(caught.value)
    assert sentence in message
    assert "candidate, candidate-int8, champion" in message
    assert "blemish models" in message


def test_an_empty_store_says_how_to_train_and_is_not_created(tmp_path: Path) -> None:
    """Reading where nothing was ever recorded makes no database."""
    workspace = make_checkout(tmp_path / "fresh")
    (workspace.root / "mlflow.db").unlink()
    registry = Registry.connect(workspace=workspace)
    assert registry.versions() == ()
    assert registry.aliases() == {}
    assert registry.history() == ()
    with pytest.raises(NotFoundError, match=r"alias 'champion' at .* Train one: make repro"):
        registry.resolve("champion")
    assert not (workspace.root / "mlflow.db").exists()


def test_a_file_is_verified_from_the_store_and_from_the_cache(own: Workspace) -> None:
    """One changed bit in the store is refused; one in the cache is fetched anew."""
    registry = Registry.connect(workspace=own)
    version = registry.resolve("champion")
    data = registry.model_bytes(version)
    cached = next(registry.cache.folder.glob("*.onnx"))
    assert cached.stem == version.sha256
    cached.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    assert registry.model_bytes(version) == data == cached.read_bytes()
    stored = stored_file(own, registry, 1)
    stored.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert registry.model_bytes(version) == data  # of the cache, verified
    cached.unlink()
    with pytest.raises(TamperedModelError, match=r"Version 1|version 1 .* blemish doctor"):
        registry.model_bytes(version)
    assert not cached.exists()


def test_other_kinds_of_model_are_not_loaded(own: Workspace) -> None:
    """A pickle flavor, a version without digest and a lost file are refused by name."""
    registry = Registry.connect(workspace=own)
    version = registry.resolve(1)
    described = stored_file(own, registry, 1).with_name("MLmodel")
    described.write_text("flavors:\n  sklearn:\n    pickled_model: model.pkl\n")
    with pytest.raises(ModelFileError, match="flavors sklearn; accepted is onnx"):
        registry.model_bytes(version)
    shutil.rmtree(described.parent)
    with pytest.raises(NotFoundError, match="has lost"):
        registry.model_bytes(version)
    registry.store.client.delete_model_version_tag(MODEL, "2", "sha256")
    with pytest.raises(ModelFileError, match="no sha256 tag"):
        registry.model_bytes(registry.resolve(2))


def test_a_cold_start_needs_no_store(own: Workspace) -> None:
    """What was resolved and loaded once is there when the store is gone."""
    before = Registry.connect(workspace=own)
    version = before.resolve("champion")
    data = before.model_bytes(version)
    (own.root / "mlflow.db").write_bytes(b"no database" * 500)
    after = Registry.connect(workspace=own)
    with pytest.raises(StoreUnreachableError, match=r"corrupt && blemish sync"):
        after.resolve("champion")
    known = after.last_known("champion")
    assert known == version
    assert after.model_bytes(known) == data
    assert after.last_known("candidate") is None


def test_what_is_known_survives_a_corrupt_file(tmp_path: Path, registry: Registry) -> None:
    """A corrupt note about aliases counts as none, and is written anew."""
    known = LastKnown("http://store", tmp_path)
    version = registry.resolve("champion")
    known.remember("champion", version)
    assert known.recall("champion") == version
    next(tmp_path.glob("*.json")).write_text('{"champion": {"version"')
    assert known.recall("champion") is None
    known.remember("champion", version)
    assert json.loads(next(tmp_path.glob("*.json")).read_text())["champion"]["version"] == 1
    known.forget("champion")
    assert known.recall("champion") is None


def test_names_of_cached_files_are_digests(tmp_path: Path) -> None:
    """Nothing but a SHA-256 names a file, so no path leads out of the cache."""
    cache = ModelCache(tmp_path)
    path = cache.put(b"model")
    assert cache.get(path.stem) == b"model"
    assert cache.damaged() == []
    path.write_bytes(b"mode1")
    assert cache.damaged() == [path]
    with pytest.raises(ValueError, match="is no SHA-256"):
        cache.get("../../etc/passwd")


def test_test_images_come_from_the_store(registry: Registry) -> None:
    """Images, masks and results are those that evaluation wrote."""
    champion = registry.resolve("champion")
    images = registry.test_images(champion)
    assert len(images) == IMAGES
    assert images[0].plane().shape == images[0].mask().shape == (64, 64)
    assert images[0].mask().dtype == np.bool_
    assert images[0].mask().sum() == 144
    results = {result.image_id: result for result in registry.results(champion)}
    counts = results[images[0].image_id].counts
    assert counts.tp + counts.fn == 144
    assert (images[0].group, images[0].classes) == ("part-0", ("scratch",))


def test_a_version_says_what_its_dice_is_of(
    own: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sets stand beside Dice in both forms of the command; an older record names none."""
    monkeypatch.chdir(own.root)
    registry = Registry.connect()
    champion = registry.resolve("champion")
    headline = registry.headline(champion)
    assert headline is not None
    assert headline.words == f"{IMAGES} images of synthetic"
    assert headline.groups == IMAGES // 2
    assert registry.headline(replace(champion, run_id="")) is None
    listed = asked("models")
    assert "Dice of" in listed
    assert listed.count("synthetic") == 2
    assert max(map(len, listed.splitlines())) <= 80
    one = json.loads(asked("models", "champion", "--json"))
    assert one["headline"]["sets"] == ["synthetic"]
    assert one in json.loads(asked("models", "--json"))["versions"]
    shown = " ".join(asked("models", "champion").split())
    assert "0.9000, of 24 images of synthetic (12 parts); 95 %: 0.8000 to 0.9500" in shown
    uri = registry.store.client.get_run(champion.run_id).info.artifact_uri
    (Path(uri.removeprefix("file://")) / "evaluated" / "details.json").unlink()
    assert registry.headline(champion) is None
    assert "not recorded" in " ".join(asked("models").split())


def asked(*words: str) -> str:
    result = CliRunner().invoke(program, words)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_move_made_outside_is_noticed_once(own: Workspace) -> None:
    """An alias moved in the MLflow UI shows between last seen and first seen, by nobody."""
    registry = Registry.connect(workspace=own)
    (first,) = registry.history()
    assert (first.why, first.before, first.after) == ("first", None, 1)
    client = registry.store.client
    client.set_registered_model_alias(MODEL, "champion", "2")
    moves = registry.history()
    assert moves == registry.history()
    outside = moves[-1]
    assert (outside.who, outside.why) == ("outside Blemish", "outside")
    assert (outside.before, outside.after) == (1, 2)
    assert first.at <= outside.since < outside.at
    client.delete_registered_model_alias(MODEL, "champion")
    assert registry.history()[-1].after is None


def test_a_reader_that_may_not_write_sees_the_same_history(own: Workspace) -> None:
    """While another process writes, a move made outside shows; it is written down afterwards."""
    registry = Registry.connect(workspace=own)
    registry.history()
    client = registry.store.client
    client.set_registered_model_alias(MODEL, "champion", "2")
    before = client.get_registered_model(MODEL).tags
    with registry.store.writing():
        last = registry.history()[-1]
        registry.faults()
    assert (last.who, last.before, last.after) == ("outside Blemish", 1, 2)
    assert client.get_registered_model(MODEL).tags == before
    assert registry.history()[-1].after == 2
    assert client.get_registered_model(MODEL).tags != before


def test_a_deleted_champion_is_not_replaced_by_itself(own: Workspace) -> None:
    """After a person removed the champion, the next recording makes a candidate and no champion."""
    registry = Registry.connect(workspace=own)
    registry.store.client.delete_model_version(MODEL, "1")
    write_outputs(own, skill=0.95)
    sync.record_workspace(own)
    assert "champion" not in registry.aliases()
    assert registry.aliases()["candidate"] == 3


@pytest.mark.parametrize(
    "fake",
    [
        hanging,
        lambda: answering(200, "text/html", b"<html>Sign in</html>"),
        lambda: answering(404, "text/html", b"<html>Nothing</html>"),
        lambda: answering(404, "application/json", b'{"error_code": "RESOURCE_DOES_NOT_EXIST"}'),
        lambda: answering(500, "text/plain", b"oops"),
    ],
    ids=["hung", "html", "404", "404 like MLflow", "500"],
)
def test_what_is_no_mlflow_is_unreachable_and_not_an_absent_champion(fake: Callable) -> None:
    """A hung, broken or strange server is told apart from one without a champion, in time."""
    with fake() as address:
        registry = Registry.connect(address)
        registry.store.open()  # imported before the clock starts
        start = time.monotonic()
        for ask in (registry.aliases, registry.versions, lambda: registry.resolve("champion")):
            with pytest.raises(StoreUnreachableError, match=address):
                ask()
        assert time.monotonic() - start < 3 * 4.5


def test_a_store_that_is_locked_gives_up_in_time(own: Workspace) -> None:
    """Another program that holds the database makes a read fail or wait, never hang."""
    import sqlite3

    registry = Registry.connect(workspace=own)
    registry.resolve("champion")
    connection = sqlite3.connect(own.root / "mlflow.db", isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        start = time.monotonic()
        with pytest.raises(StoreUnreachableError):
            registry.resolve("champion")
        assert time.monotonic() - start < 3.0
    finally:
        connection.execute("ROLLBACK")
        connection.close()
    assert location.locate(own).root == own.root
