"""The champion is followed; a broken version never replaces a good one."""

import base64
import io
import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from integration.server.rig import Server, Shelf, serving
from integration.server.tiny_models import finish, metadata, tiny_model
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from blemish.files import sha256_bytes
from blemish.inference import Segmenter, golden_image


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shelf, Server]]:
    """A server whose registry changes under it."""
    shelf = Shelf(tmp_path_factory.mktemp("changing"))
    shelf.add(tiny_model(level=80.0))
    shelf.point("champion", 1)
    with serving(tmp_path_factory.mktemp("server"), shelf.uri) as server:
        yield shelf, server


def mask_of(answer: dict[str, str]) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(answer["mask_png"])))) > 0


def test_a_promotion_is_live_within_five_seconds(
    changing: tuple[Shelf, Server], image: bytes
) -> None:
    """A moved alias is followed, forth and back, and each mask is that of the version named."""
    shelf, server = changing
    data = {1: tiny_model(level=80.0), 2: tiny_model(level=120.0)}
    assert shelf.add(data[2]) == 2
    for number in (2, 1, 2):
        begin = time.monotonic()
        shelf.point("champion", number)
        server.wait_for_version(number, 5.0)
        assert time.monotonic() - begin < 5.0
        answer = server.predict(image, include="mask").json()
        assert answer["model"]["version"] == number
        expected = Segmenter.from_bytes(data[number]).predict(golden_image(256))
        np.testing.assert_array_equal(mask_of(answer), expected.mask)
    assert server.metric("blemish_model_version") == 2
    assert server.metric("blemish_model_swaps_total") >= 4


def _damaged(shelf: Shelf, harm: Callable[[bytes], bytes]) -> int:
    """Register a good version, then harm its file in the store."""
    data = tiny_model(level=float(np.random.default_rng(len(harm.__name__)).uniform(60, 140)))
    number = shelf.add(data)
    for path in list(shelf.folder.rglob("model.onnx")):
        if path.read_bytes() == data:
            path.write_bytes(harm(data))
    return number


def _truncate(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _flip_a_bit(data: bytes) -> bytes:
    return data[:200] + bytes([data[200] ^ 4]) + data[201:]


def truncated(shelf: Shelf) -> int:
    return _damaged(shelf, _truncate)


def one_flipped_bit(shelf: Shelf) -> int:
    return _damaged(shelf, _flip_a_bit)


def another_input(shelf: Shelf) -> int:
    nodes = [
        helper.make_node("Cast", ["photo"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("Sigmoid", ["grey"], ["probability"]),
    ]
    return shelf.add(finish(nodes, [], metadata(), input_name="photo"))


def another_shape(shelf: Shelf) -> int:
    nodes = [
        helper.make_node("Cast", ["image"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("AveragePool", ["grey"], ["half"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Sigmoid", ["half"], ["probability"]),
    ]
    return shelf.add(finish(nodes, [], metadata()))


def not_a_number(shelf: Shelf) -> int:
    nodes = [
        helper.make_node("Cast", ["image"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["grey", "nan"], ["probability"]),
    ]
    nan = numpy_helper.from_array(np.float32(np.nan), "nan")
    return shelf.add(finish(nodes, [nan], metadata()))


def no_probability(shelf: Shelf) -> int:
    nodes = [helper.make_node("Cast", ["image"], ["probability"], to=TensorProto.FLOAT)]
    return shelf.add(finish(nodes, [], metadata()))


def external_data(shelf: Shelf) -> int:
    weight = numpy_helper.from_array(np.float32(0.0), "bias")
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="weights.bin")
    nodes = [
        helper.make_node("Cast", ["image"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["grey", "bias"], ["sum"]),
        helper.make_node("Sigmoid", ["sum"], ["probability"]),
    ]
    return shelf.add(finish(nodes, [weight], metadata()))


def no_metadata(shelf: Shelf) -> int:
    return shelf.add(tiny_model(props={}))


def another_fingerprint(shelf: Shelf) -> int:
    return shelf.add(tiny_model(props=metadata(fingerprint="0" * 64)))


def pickle_flavour(shelf: Shelf) -> int:
    data = tiny_model(level=33.0)
    number = shelf.add(data)
    for path in list(shelf.folder.rglob("model.onnx")):
        if path.read_bytes() == data:
            description = path.with_name("MLmodel")
            text = (
                description.read_text()
                .replace("onnx:", "sklearn:")
                .replace("data: model.onnx", "pickled_model: model.pkl")
            )
            description.write_text(text)
    return number


def no_digest(shelf: Shelf) -> int:
    return shelf.add(tiny_model(level=44.0), sha256="")


def lost_file(shelf: Shelf) -> int:
    data = tiny_model(level=55.0)
    number = shelf.add(data)
    for path in list(shelf.folder.rglob("model.onnx")):
        if path.read_bytes() == data:
            shutil.rmtree(path.parent)
    return number


BROKEN = [
    truncated,
    one_flipped_bit,
    another_input,
    another_shape,
    not_a_number,
    no_probability,
    external_data,
    no_metadata,
    another_fingerprint,
    pickle_flavour,
    no_digest,
    lost_file,
]


@pytest.mark.parametrize("make", BROKEN, ids=lambda make: make.__name__)
def test_a_broken_champion_is_not_taken(
    changing: tuple[Shelf, Server], image: bytes, make: Callable[[Shelf], int]
) -> None:
    """The old version keeps serving; the refusal is counted, logged and shown by readyz."""
    shelf, server = changing
    good = server.ready()["model"]["version"]
    faults = server.metric("blemish_model_faults_total")
    broken = make(shelf)
    shelf.point("champion", broken)
    server.wait(lambda: (server.ready()["fault"] or {}).get("version") == broken)
    assert server.predict(image).json()["model"]["version"] == good
    assert server.client.get("/readyz").status_code == 200
    assert server.metric("blemish_model_faults_total") > faults
    assert server.metric("blemish_model_fault") == 1
    reason = server.ready()["fault"]["reason"]
    assert any(line["event"] == "model_refused" and line["reason"] == reason for line in server.log)
    asked = server.predict(image, model=str(broken))
    assert asked.status_code in (404, 503)
    assert asked.json()["type"].rpartition(":")[2] in ("model-unusable", "model-unknown")
    shelf.point("champion", good)
    server.wait(lambda: server.ready()["fault"] is None)


def test_a_deleted_champion_keeps_serving(changing: tuple[Shelf, Server], image: bytes) -> None:
    """The champion's deletion takes its alias with it; it serves on, and readyz says so."""
    shelf, server = changing
    number = shelf.add(tiny_model(level=99.0))
    shelf.point("champion", number)
    server.wait_for_version(number)
    shelf.point("gone", number)
    shelf.delete(number)
    server.wait(lambda: server.ready()["fault"] is not None)
    assert server.predict(image).json()["model"]["version"] == number
    assert server.predict(image, model="gone").status_code == 404
    shelf.point("champion", 1)
    server.wait_for_version(1)


def test_several_versions_are_served_at_once(changing: tuple[Shelf, Server], image: bytes) -> None:
    """Any version answers by number or alias, and no more stay loaded than the limit."""
    shelf, server = changing
    numbers = [shelf.add(tiny_model(level=60.0 + i)) for i in range(5)]
    shelf.point("special", numbers[0])
    # Unknown names are looked up once a second at most, so what is this new may be a moment away.
    server.wait(lambda: "special" in server.client.get("/v1/models").json()["aliases"], 5)
    for number in numbers * 2:
        answer = server.predict(image, model=str(number)).json()
        assert (answer["model"]["version"], answer["model"]["alias"]) == (number, None)
    special = server.predict(image, model="special").json()["model"]
    assert (special["version"], special["alias"]) == (numbers[0], "special")
    loaded = [v for v in server.client.post("/v2/repository/index").json() if v["state"] == "READY"]
    assert len(loaded) == 4  # the champion, and serve.models others


def test_the_catalogue_has_the_whole_lineage(server: Server, shelf: Shelf) -> None:
    """Versions are listed newest first; one is shown with run, commit, digest and params."""
    listing = server.client.get("/v1/models").json()
    assert [version["version"] for version in listing["versions"]] == [3, 2, 1]
    assert listing["aliases"] == {"candidate": 2, "champion": 1}
    assert listing["serving"] == 1
    one = server.client.get("/v1/models/champion").json()
    assert one["sha256"] == sha256_bytes(tiny_model(level=80.0))
    assert (one["version"], one["run_id"], one["git_commit"]) == (1, shelf.run, "c0ffee")
    assert one["tags"]["sha256"] == one["sha256"]


def test_a_cold_start_needs_no_store(own_shelf: Shelf, tmp_path: Path, image: bytes) -> None:
    """With the store gone a new server answers from the verified cache, within ten seconds."""
    with serving(tmp_path / "first", own_shelf.uri) as server:
        before = server.predict(image).json()
    (own_shelf.folder / "mlflow.db").rename(own_shelf.folder / "away.db")
    shutil.rmtree(own_shelf.folder / "artifacts")
    begin = time.monotonic()
    with serving(tmp_path / "second", own_shelf.uri) as server:
        assert time.monotonic() - begin < 10.0
        after = server.predict(image).json()
        assert server.client.get("/v1/models").json()["serving"] == 1
    assert (after["model"], after["defects"]) == (before["model"], before["defects"])


def test_without_cache_and_store_it_lives_unready(
    tmp_path: Path, image: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With neither store nor cache the server is alive, not ready, and says why."""
    monkeypatch.setenv("BLEMISH_CACHE", str(tmp_path / "empty"))
    uri = f"sqlite:///{tmp_path / 'nothing.db'}"
    with serving(tmp_path, uri, wait_ready=False) as server:
        assert server.client.get("/readyz").status_code == 503
        response = server.predict(image)
        assert response.status_code == 503
        assert response.json()["type"].endswith(":no-model")
        assert response.headers["retry-after"].isdigit()


def test_a_changed_cache_is_not_trusted(own_shelf: Shelf, tmp_path: Path, image: bytes) -> None:
    """A cached file with one bit flipped is fetched anew, never served."""
    with serving(tmp_path / "first", own_shelf.uri) as server:
        before = server.predict(image).json()
    version = own_shelf.registry.resolve("champion")
    path = own_shelf.registry.cache.folder / f"{version.sha256}.onnx"
    path.write_bytes(_flip_a_bit(path.read_bytes()))
    with serving(tmp_path / "second", own_shelf.uri) as server:
        assert server.predict(image).json()["defects"] == before["defects"]
    assert sha256_bytes(path.read_bytes()) == version.sha256


def test_the_challenger_sees_a_copy(own_shelf: Shelf, tmp_path: Path, image: bytes) -> None:
    """With --shadow every sampled answer stays the champion's, and the disagreement is logged."""
    own_shelf.add(tiny_model(level=130.0))
    own_shelf.point("candidate", 2)
    database = tmp_path / "predictions.db"
    with serving(
        tmp_path, own_shelf.uri, "--shadow", "candidate", serve={"shadow_share": 1.0}
    ) as server:
        server.wait(lambda: len(server.client.get("/v1/models").json()["versions"]) == 2)
        for _ in range(5):
            assert server.predict(image).json()["model"]["version"] == 1
            time.sleep(0.3)
        server.wait(lambda: server.metric("blemish_shadow_images_total") > 0)
    with sqlite3.connect(database) as connection:
        rows = connection.execute(
            "SELECT shadow_version, shadow_disagreement FROM predictions "
            "WHERE shadow_version IS NOT NULL"
        ).fetchall()
    plane = golden_image(256)
    masks = [
        Segmenter.from_bytes(tiny_model(level=level)).predict(plane).mask for level in (80.0, 130.0)
    ]
    assert rows
    for version, disagreement in rows:
        assert version == 2
        assert disagreement == pytest.approx(np.mean(masks[0] != masks[1]))


def test_predictions_are_logged(server: Server, shelf: Shelf, image: bytes) -> None:
    """Each answer is a row of the prediction log, refusals too."""
    answer = server.predict(image)
    refusal = server.predict(b"nothing")
    assert (server.logged("status", answer), server.logged("status", refusal)) == (200, 415)
    assert json.loads(server.logged("defects", answer)) == answer.json()["defects"]
    assert server.logged("error_detail", refusal) == refusal.json()["detail"]
