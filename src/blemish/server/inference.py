"""``/v2``: the Open Inference Protocol, so that a stock client of it works."""

from functools import partial
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from blemish import __version__
from blemish.errors import NotFoundError
from blemish.server import openapi
from blemish.server.bodies import read_body
from blemish.server.health import is_ready
from blemish.server.predict import gone
from blemish.server.queries import parse_query
from blemish.server.service import service_of
from blemish.server.slot import CHAMPION, MODEL, Served
from blemish.server.tensors import HEADER_LENGTH, INPUT, OUTPUT, read_request, write_response

router = APIRouter(prefix="/v2", tags=["open inference protocol"])
_MODEL = "/models/{name}"
_VERSION = "/models/{name}/versions/{version}"
_PLATFORM = "onnx_onnxv1"


@router.get("", **openapi.V2_SERVER)
async def server_metadata(request: Request) -> JSONResponse:
    """Say what this server is."""
    parse_query(request.scope["query_string"], ())
    return JSONResponse(
        {
            "name": MODEL,
            "version": __version__,
            "extensions": ["binary_tensor_data", "model_repository"],
        }
    )


@router.get("/health/live", **openapi.V2_LIVE)
async def live() -> JSONResponse:
    """Say that the process answers."""
    return JSONResponse({"live": True})


@router.get("/health/ready", **openapi.V2_READY)
async def ready(request: Request) -> JSONResponse:
    """Say whether a verified model is loaded."""
    found = is_ready(service_of(request))
    return JSONResponse({"ready": found}, 200 if found else 503)


@router.post("/repository/index", **openapi.V2_INDEX)
async def index(request: Request) -> JSONResponse:
    """List the versions, and which of them is served."""
    parse_query(request.scope["query_string"], ())
    slot = service_of(request).slot
    loaded = {served.version.version for served in slot.loaded()}
    return JSONResponse(
        [
            {
                "name": MODEL,
                "version": str(version.version),
                "state": "READY" if version.version in loaded else "UNAVAILABLE",
                "reason": "" if version.version in loaded else "loaded when it is asked for",
            }
            for version in slot.catalogue.versions
        ]
    )


@router.get(_MODEL, **openapi.addressed(openapi.V2_MODEL, "name"))
@router.get(_VERSION, **openapi.addressed(openapi.V2_MODEL, "name", "version"))
async def model_metadata(request: Request) -> JSONResponse:
    """Describe a model: its versions, inputs and outputs."""
    parse_query(request.scope["query_string"], ())
    version = _version(request)
    slot = service_of(request).slot
    if version != CHAMPION:
        await slot.describe(version)
    return JSONResponse(
        {
            "name": MODEL,
            "versions": [str(v.version) for v in reversed(slot.catalogue.versions)],
            "platform": _PLATFORM,
            "inputs": [INPUT],
            "outputs": [OUTPUT],
        }
    )


@router.get(f"{_MODEL}/ready", **openapi.addressed(openapi.V2_MODEL_READY, "name"))
@router.get(f"{_VERSION}/ready", **openapi.addressed(openapi.V2_MODEL_READY, "name", "version"))
async def model_ready(request: Request) -> JSONResponse:
    """Load a version if it is not, and say that it can be asked."""
    parse_query(request.scope["query_string"], ())
    version = _version(request)
    served = await service_of(request).slot.find(version)
    return JSONResponse({"name": MODEL, "version": str(served.version.version), "ready": True})


@router.post(f"{_MODEL}/infer", **openapi.addressed(openapi.V2_INFER, "name"))
@router.post(f"{_VERSION}/infer", **openapi.addressed(openapi.V2_INFER, "name", "version"))
async def infer(request: Request) -> Response:
    """Run the model as it is, on tensors.

    Each image is run by itself, so an answer does not depend on what it came with.
    """
    parse_query(request.scope["query_string"], ())
    version = _version(request)
    service = service_of(request)
    body = await read_body(
        request,
        service.reservoir,
        megabytes=service.limits.megabytes,
        seconds=service.options.serve.body_s,
    )
    served = await service.slot.find(version)
    request.state.version = served.version.version
    content, headers = await service.engine.run(
        partial(_infer, body, request.headers.get(HEADER_LENGTH), served),
        arrived=request.state.arrived,
        gone=partial(gone, request),
    )
    return Response(content, 200, headers)


def _infer(body: bytes, header_length: str | None, served: Served) -> tuple[bytes, dict[str, Any]]:
    asked = read_request(body, header_length, served.segmenter.card.stride)
    answers = [served.segmenter.run_shape(image[None]) for image in asked.images]
    return write_response(asked, served.version.version, np.concatenate(answers))


def _version(request: Request) -> str:
    """Return the version that an address names, the champion where it names none."""
    name = request.path_params["name"]
    if name != MODEL:
        raise NotFoundError(f"There is no model {name[:80]!r}; there is {MODEL!r}.")
    return str(request.path_params.get("version", CHAMPION))
