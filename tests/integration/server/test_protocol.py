"""The Open Inference Protocol by its stock client, and the OpenAPI document by Schemathesis."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
from integration.server.rig import Server
from integration.server.tiny_models import tiny_model
from tritonclient.utils import InferenceServerException

from blemish.inference import Segmenter, golden_image


@pytest.fixture
def client(server: Server) -> Iterator[triton.InferenceServerClient]:
    """The stock client."""
    with triton.InferenceServerClient(server.url.removeprefix("http://")) as found:
        yield found


def ask(planes: np.ndarray, *, binary: bool) -> tuple[list[Any], list[Any]]:
    tensor = triton.InferInput("image", list(planes.shape), "UINT8")
    tensor.set_data_from_numpy(planes, binary_data=binary)
    return [tensor], [triton.InferRequestedOutput("probability", binary_data=binary)]


def test_the_client_reads_what_there_is(client: triton.InferenceServerClient) -> None:
    """Health, metadata and the list of versions are as the client expects them."""
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("blemish")
    assert client.is_model_ready("blemish", "2")
    assert client.get_server_metadata()["name"] == "blemish"
    metadata = client.get_model_metadata("blemish", "1")
    assert metadata["versions"] == ["1", "2", "3"]
    assert metadata["inputs"] == [{"name": "image", "datatype": "UINT8", "shape": [-1, 1, -1, -1]}]
    index = client.get_model_repository_index()
    assert {(entry["name"], entry["version"]) for entry in index} == {
        ("blemish", str(number)) for number in (1, 2, 3)
    }


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("shape", [(256, 256), (64, 96)])
def test_the_client_infers(
    client: triton.InferenceServerClient, shape: tuple[int, int], *, binary: bool
) -> None:
    """Both encodings carry the model's own probabilities, image by image."""
    plane = golden_image(256)[: shape[0], : shape[1]]
    planes = np.stack([plane, plane[::-1]])[:, None]
    inputs, outputs = ask(planes, binary=binary)
    result = client.infer("blemish", inputs, model_version="2", outputs=outputs, request_id="7")
    answer = result.get_response()
    assert (answer["id"], answer["model_name"], answer["model_version"]) == ("7", "blemish", "2")
    segmenter = Segmenter.from_bytes(tiny_model(level=100.0))
    expected = np.concatenate([segmenter.run(item[None]) for item in planes])
    np.testing.assert_array_equal(result.as_numpy("probability"), expected)


def test_the_client_reads_our_errors(client: triton.InferenceServerClient) -> None:
    """What the server refuses reaches the client as its own exception, with our sentence."""
    inputs, _ = ask(golden_image(256)[None, None], binary=True)
    with pytest.raises(InferenceServerException, match="There is no model 'other'"):
        client.infer("other", inputs)
    inputs, _ = ask(golden_image(256)[None, None, :250], binary=True)
    with pytest.raises(InferenceServerException, match="multiples of 8"):
        client.infer("blemish", inputs)


GOOD = {"name": "image", "datatype": "UINT8", "shape": [1, 1, 8, 8], "data": [0] * 64}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"{}",
        b"[" * 100_000,
        json.dumps({"inputs": []}),
        json.dumps({"inputs": [GOOD, GOOD]}),
        json.dumps({"inputs": [{**GOOD, "name": "photo"}]}),
        json.dumps({"inputs": [{**GOOD, "datatype": "FP32"}]}),
        json.dumps({"inputs": [{**GOOD, "shape": [1, 1, 8]}]}),
        json.dumps({"inputs": [{**GOOD, "shape": [1, 3, 8, 8]}]}),
        json.dumps({"inputs": [{**GOOD, "shape": [0, 1, 8, 8]}]}),
        json.dumps({"inputs": [{**GOOD, "shape": [1, 1, 8, True]}]}),
        json.dumps({"inputs": [{**GOOD, "data": [0] * 63}]}),
        json.dumps({"inputs": [{**GOOD, "data": [0] * 63 + [256]}]}),
        json.dumps({"inputs": [{**GOOD, "data": [0] * 63 + [-1]}]}),
        json.dumps({"inputs": [{**GOOD, "data": [0] * 63 + [0.5]}]}),
        json.dumps({"inputs": [{**GOOD, "data": [0] * 63 + ["0"]}]}),
        json.dumps({"inputs": [{**GOOD, "data": [0] * 63 + [10**30]}]}),
        json.dumps({"inputs": [{**GOOD, "data": [0] * 63 + [float("nan")]}]}),
        json.dumps({"inputs": [{**GOOD, "data": [[0, 1], [2]]}]}),
        json.dumps({"inputs": [GOOD], "outputs": [{"name": "mask"}]}),
        json.dumps({"inputs": [GOOD], "parameters": 3}),
        json.dumps({"inputs": [GOOD], "id": 3}),
        json.dumps({"inputs": [{**GOOD, "parameters": {"binary_data_size": 64}}]}),
    ],
    ids=lambda body: str(body)[-60:],
)
def test_bad_tensors_are_refused(server: Server, body: str | bytes) -> None:
    """What the protocol or the model does not take is a 400 with the protocol's error member."""
    response = server.client.post("/v2/models/blemish/infer", content=body)
    assert response.status_code == 400, response.text
    assert response.json()["error"]


def test_huge_tensors_are_refused(server: Server) -> None:
    """A tensor beyond the cap is a 413 before anything is allocated."""
    body = json.dumps({"inputs": [{**GOOD, "shape": [1, 1, 4096, 4096], "data": [0]}]})
    assert server.client.post("/v2/models/blemish/infer", content=body).status_code == 413


@pytest.mark.parametrize("length", ["-1", "1e3", "999999", "x", ""])
def test_bad_header_lengths_are_refused(server: Server, length: str) -> None:
    """A header length that is none is a 400."""
    response = server.client.post(
        "/v2/models/blemish/infer",
        content=json.dumps({"inputs": [GOOD]}),
        headers={"inference-header-content-length": length},
    )
    assert response.status_code == 400
