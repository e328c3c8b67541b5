"""Every row of "Images and bodies" in the list of faults, against a real server process."""

import base64
import gzip
import io
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from faulty_images import CASES, TEXTS, encode, grey, same_image
from integration.server.rig import Server, raw_request
from PIL import Image

from blemish.errors import ImageContentError, ImageSizeError, ImageTypeError
from blemish.inference import golden_image

STATUS = {ImageTypeError: 415, ImageSizeError: 413, ImageContentError: 422}
BIG = 33_000_000


@pytest.fixture(autouse=True, scope="module")
def unharmed(server: Server, image: bytes) -> Iterator[None]:
    """After all rows the memory is back, and nothing but the log is on disk."""
    assert server.predict(image).status_code == 200
    before = server.memory_mb
    yield
    server.wait(lambda: server.memory_mb < before + 150, 10)


@pytest.fixture(autouse=True)
def goes_on(server: Server, image: bytes) -> Iterator[None]:
    """After each row the next good request is answered."""
    yield
    assert server.predict(image).status_code == 200


def assert_problem(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["type"].startswith("urn:blemish:problem:1:")
    assert problem["error"] == problem["detail"]
    assert problem["instance"].endswith(response.headers["x-request-id"])
    return dict(problem)


@pytest.mark.parametrize("name", CASES)
def test_faulty_images_are_refused(server: Server, name: str) -> None:
    """Each faulty image gets the status of its error, as raw body and in a form."""
    error, make = CASES[name]
    data = make()
    assert_problem(server.predict(data), STATUS[error])
    files = {"file": ("a.png", data, "image/png")}
    assert_problem(server.client.post("/v1/predict", files=files), STATUS[error])


def test_compressed_bodies_are_refused(server: Server, image: bytes) -> None:
    """A body with a Content-Encoding is a 415."""
    headers = {"content-encoding": "gzip"}
    response = server.client.post("/v1/predict", content=gzip.compress(image), headers=headers)
    assert_problem(response, 415)


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "application/octet-stream", ""])
def test_the_bytes_decide(server: Server, image: bytes, kind: str) -> None:
    """A wrong type with no image in it is a 415; an image is read whatever it is called."""
    headers = {"content-type": kind} if kind else {}
    response = server.client.post("/v1/predict", content=TEXTS["svg"], headers=headers)
    assert_problem(response, 415)
    response = server.client.post("/v1/predict", content=image, headers=headers)
    assert response.status_code == 200


def test_large_bodies_are_refused_at_once(server: Server) -> None:
    """33 MB announced or in chunks, and 10 GB announced but never sent: 413, at once."""
    begin = time.monotonic()
    assert_problem(server.predict(bytes(BIG)), 413)
    pieces = (bytes(1_000_000) for _ in range(BIG // 1_000_000))
    assert_problem(server.client.post("/v1/predict", content=pieces), 413)
    head = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000000\r\n\r\n"
    sent = time.monotonic()
    assert raw_request(server.url, head).startswith(b"HTTP/1.1 413")
    assert time.monotonic() - sent < 1.0
    assert time.monotonic() - begin < 10.0


def test_sixteen_bits_are_scaled(server: Server, image: bytes) -> None:
    """A 16-bit PNG gives the answer of its 8-bit twin."""
    deep = encode(Image.fromarray(golden_image(256).astype(np.uint16) * 257))
    assert server.predict(deep).json()["defects"] == server.predict(image).json()["defects"]


def test_a_depth_that_no_file_declares_is_given(server: Server, image: bytes) -> None:
    """12 bits in 16 are nearly black with a warning; bits=12 gives the answer of the 8-bit twin."""
    levels = np.round(golden_image(256).astype(np.uint32) * 4095 / 255).astype(np.uint16)
    camera = encode(levels)
    dark, right = server.predict(camera).json(), server.predict(camera, bits=12).json()
    assert "bits=12" in " ".join(dark["warnings"])
    assert right["warnings"] == []
    assert right["defects"] == server.predict(image).json()["defects"]
    files = {"file": ("x.png", camera, "image/png")}
    form = server.client.post("/v1/predict", params={"bits": 12}, files=files)
    assert form.json()["defects"] == right["defects"]


@pytest.mark.parametrize("bits", ["11", "7", "17", "0", "-12", "12.5", "twelve", "", "1e1", "012x"])
def test_a_depth_that_cannot_be_is_refused(server: Server, bits: str) -> None:
    """A depth that the samples contradict, or that no camera has, is a 422 that names it."""
    problem = assert_problem(
        server.predict(encode(np.full((9, 9), 4095, np.uint16)), bits=bits), 422
    )
    assert "bits" in problem["detail"]


def test_a_depth_that_the_file_contradicts_is_refused(server: Server, image: bytes) -> None:
    """An 8-bit file has 8 bits, whatever is given; two depths are one too many."""
    assert_problem(server.predict(image, bits=12), 422)
    assert server.predict(image, bits=8).status_code == 200
    assert_problem(server.client.post("/v1/predict?bits=12&bits=12", content=image), 422)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_that_of_the_file(server: Server, orientation: int) -> None:
    """EXIF orientation moves neither mask nor boxes."""
    exif = Image.Exif()
    exif[274] = orientation
    plain, turned = (
        server.predict(encode(grey(), "JPEG", **options), include="mask").json()
        for options in ({}, {"exif": exif})
    )
    assert turned["defects"] == plain["defects"]
    assert turned["mask_png"] == plain["mask_png"]
    assert (turned["image"]["width"], turned["image"]["height"]) == (64, 48)


def test_one_image_has_one_answer(server: Server) -> None:
    """Grey, RGB, palette, opaque RGBA and every format of one image are answered alike."""
    answers = [server.predict(data, include="mask").json() for _, data in same_image()]
    for answer in answers:
        assert answer["mask_png"] == answers[0]["mask_png"]
        assert answer["defects"] == answers[0]["defects"]


def test_a_wrong_suffix_changes_nothing(server: Server, image: bytes) -> None:
    """A PNG named .jpg and declared as JPEG is read as what it is."""
    files = {"file": ("x.jpg", image, "image/jpeg")}
    answer = server.client.post("/v1/predict", files=files).json()
    assert answer["defects"] == server.predict(image).json()["defects"]


@pytest.mark.parametrize("shape", [(1, 1), (3, 4000), (4000, 3), (300, 500), (4096, 4096)])
def test_any_size_has_a_mask_of_its_size(server: Server, shape: tuple[int, int]) -> None:
    """From one pixel to 16 megapixels the mask has the size of the image."""
    plane = np.tile(golden_image(256), (16, 16))[: shape[0], : shape[1]]
    response = server.predict(encode(plane, "BMP" if plane.size > 1e6 else "PNG"), include="mask")
    assert response.status_code == 200
    mask = Image.open(io.BytesIO(base64.b64decode(response.json()["mask_png"])))
    assert mask.size == shape[::-1]
    assert set(np.unique(np.asarray(mask))) <= {0, 255}


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", '<img src=x onerror="alert(1)">', "\x1b[31mred\x07.png", "ü.png"]
)
def test_file_names_are_only_written_down(server: Server, image: bytes, name: str) -> None:
    """A hostile file name is answered as any other, and makes one line of the log."""
    response = server.client.post("/v1/predict", files={"file": (name, image, "image/png")})
    assert response.status_code == 200
    assert name not in response.text
    request = response.headers["x-request-id"]
    server.wait(lambda: any(line.get("request_id") == request for line in server.log))
    lines = [line for line in server.log if line.get("request_id") == request]
    assert len(lines) == 1
    assert [line for line in server.log if line["event"] == "unreadable"] == []
    assert lines[0]["path"] == "/v1/predict"


def form(*parts: tuple[str, bytes], boundary: bytes = b"XX", end: bytes = b"--XX--\r\n") -> bytes:
    body = b""
    for disposition, data in parts:
        body += b"--" + boundary + b"\r\nContent-Disposition: form-data; " + disposition.encode()
        body += b"\r\n\r\n" + data + b"\r\n"
    return body + end


FILE = 'name="file"; filename="a.png"'


@pytest.mark.parametrize(
    ("kind", "end", "statuses"),
    [
        ("multipart/form-data", b"--XX--\r\n", {400}),
        ("multipart/form-data; boundary=", b"--XX--\r\n", {400}),
        ("multipart/form-data; boundary=YY", b"--XX--\r\n", {400}),
        ("multipart/form-data; boundary=XX", b"", {400}),
        ("multipart/form-data; boundary=" + "X" * 71, b"", {400}),
    ],
)
def test_corrupt_forms_are_refused(
    server: Server, image: bytes, kind: str, end: bytes, statuses: set[int]
) -> None:
    """No, a wrong or a missing closing boundary is a 400."""
    body = form((FILE, image), end=end)
    response = server.client.post("/v1/predict", content=body, headers={"content-type": kind})
    assert response.status_code in statuses
    assert_problem(response, response.status_code)


@pytest.mark.parametrize(
    ("parts", "statuses"),
    [
        ([(FILE, b"x"), (FILE, b"x")], {422}),
        ([(FILE, b"x"), ('name="threshold"', b"NaN")], {422}),
        ([('name="other"', b"x")], {422}),
        ([("x=y", b"x")], {422}),
        ([(f'name="n{i}"', b"x") for i in range(1001)], {400, 413}),
        ([('name="text"', bytes(2_000_000)), (FILE, b"x")], {400, 413}),
        ([], {400, 422}),
    ],
    ids=["two files", "a number field", "no file", "no name", "1,001 parts", "2 MB text", "empty"],
)
def test_other_forms_are_refused(
    server: Server, parts: list[tuple[str, bytes]], statuses: set[int]
) -> None:
    """A form holds one part, the file, and nothing else."""
    headers = {"content-type": "multipart/form-data; boundary=XX"}
    response = server.client.post("/v1/predict", content=form(*parts), headers=headers)
    assert response.status_code in statuses
    assert_problem(response, response.status_code)


@pytest.mark.parametrize(
    "query",
    [
        *(f"threshold={value}" for value in ("nan", "NaN", "inf", "1e999", "-1", "2", "", "0x1")),
        "threshold=%ED%A0%80",
        "model=%ED%A0%80",
        "threshold=1_0",
        "threshold=%D9%A1",
        "threshold=0.5&threshold=0.5",
        "model=champion&model=champion",
        "treshold=0.5",
        "include=masks",
        "include=mask&include=heatmap",
        "include=" + "x" * 5000,
        "&".join(f"a{i}=1" for i in range(100)),
    ],
)
def test_strange_queries_are_refused(server: Server, image: bytes, query: str) -> None:
    """Numbers that are none, unknown keys and keys that come twice are a 422."""
    assert_problem(server.client.post(f"/v1/predict?{query}", content=image), 422)


@pytest.mark.parametrize("model", ["nope", "..%2f", "99", "0", "-1", "%00", "a" * 3000, "latest"])
def test_unknown_models_are_not_found(server: Server, image: bytes, model: str) -> None:
    """A model, version or alias that there is not is a 404, wherever it is named."""
    assert_problem(server.client.post(f"/v1/predict?model={model}", content=image), 404)
    assert_problem(server.client.get(f"/v1/models/{model}"), 404)
    assert_problem(server.client.get(f"/v2/models/blemish/versions/{model}"), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/predict", "POST"),
        ("DELETE", "/v1/predict", "POST"),
        ("POST", "/livez", "GET"),
        ("PUT", "/v1/models", "GET"),
        ("PATCH", "/v1/models/1", "GET"),
        ("GET", "/v2/models/blemish/infer", "POST"),
    ],
)
def test_wrong_methods_name_the_right_one(
    server: Server, method: str, path: str, allowed: str
) -> None:
    """A wrong method is a 405 with Allow."""
    response = server.client.request(method, path)
    assert_problem(response, 405)
    assert response.headers["allow"] == allowed


def test_unknown_addresses_are_not_found(server: Server) -> None:
    """Nothing at an address is a 404 as a problem."""
    for path in ("/", "/v1", "/v1/predict/", "/v3", "/%ff"):
        assert_problem(server.client.get(path), 404)


def test_garbage_is_no_fault_of_ours(server: Server) -> None:
    """Bytes that are no HTTP get a 400, and the server goes on."""
    answer = raw_request(server.url, b"\x16\x03\x01garbage\r\n\r\n", 2.0)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400")


def test_images_come_back_when_asked_for(server: Server, image: bytes) -> None:
    """The three images come as base64, or the overlay alone by Accept, of the image's size."""
    answer = server.predict(image, include="mask,heatmap,overlay").json()
    for name, mode in (("mask", "L"), ("heatmap", "RGB"), ("overlay", "RGB")):
        drawn = Image.open(io.BytesIO(base64.b64decode(answer[f"{name}_png"])))
        assert (drawn.size, drawn.mode) == ((256, 256), mode)
    response = server.client.post(
        "/v1/predict", content=image, headers={"accept": "image/png, */*;q=0.1"}
    )
    assert response.headers["content-type"] == "image/png"
    assert response.headers["vary"] == "Accept"
    assert base64.b64encode(response.content).decode() == answer["overlay_png"]


def test_the_threshold_decides(server: Server, image: bytes) -> None:
    """At 0 every pixel is a defect, at 1 none is; both ends are accepted."""
    everything = server.predict(image, threshold=0).json()
    assert (everything["threshold"], everything["defect_area_fraction"]) == (0, 1)
    assert everything["defects"][0]["bbox"] == [0, 0, 256, 256]
    nothing = server.predict(image, threshold="1").json()
    assert (nothing["defective"], nothing["defects"]) == (False, [])


def test_a_request_keeps_its_name_and_its_trace(server: Server, image: bytes) -> None:
    """X-Request-ID and traceparent come back, and stand in the log; no span is kept here."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"x-request-id": "line-4.711", "traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    response = server.client.post("/v1/predict", content=image, headers=headers)
    assert response.headers["x-request-id"] == "line-4.711"
    version, found, span, flags = response.headers["traceparent"].split("-")
    assert (version, found, flags) == ("00", trace, "00")
    assert span != "b7ad6b7169203331"
    server.wait(lambda: any(line.get("request_id") == "line-4.711" for line in server.log))
    line = next(line for line in server.log if line.get("request_id") == "line-4.711")
    assert line["trace_id"] == trace
    strange = server.client.get("/v1/models", headers={"x-request-id": "a b\tc"})
    assert strange.headers["x-request-id"] != "a b\tc"


def test_problems_are_documented(server: Server) -> None:
    """Every type of problem is named in the OpenAPI document."""
    from blemish.problem_kinds import ProblemKind

    document = json.dumps(server.client.get("/openapi.json").json())
    for kind in ProblemKind:
        assert f"urn:blemish:problem:1:{kind.code}" in document
