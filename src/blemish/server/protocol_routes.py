"""``/v2``: the Open Inference Protocol, so that a stock client of it works."""

from functools import partial
from typing import Any

import numpy as np
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel
from starlette.responses import JSONResponse

from blemish import __version__
from blemish.errors import NotFoundError
from blemish.interruption import Interruption
from blemish.server.health_routes import is_ready
from blemish.server.loaded_model import LoadedModel
from blemish.server.loaded_models import LoadedModels
from blemish.server.problems import refusals
from blemish.server.protocol_models import (
    INPUT,
    OUTPUT,
    InferenceRequest,
    InferenceResponse,
    TensorMetadata,
)
from blemish.server.query_rules import refuse_any_query
from blemish.server.request_bodies import wait_for_disconnect
from blemish.server.request_notes import notes_of
from blemish.server.service import ServiceDep
from blemish.server.tensors import HEADER_LENGTH, read_request, write_response
from blemish.store.names import CHAMPION, MODEL

router = APIRouter(prefix="/v2", tags=["open inference protocol"])
_PLATFORM = "onnx_onnxv1"
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_EXAMPLE = {
    "id": "42",
    "inputs": [
        {"name": "image", "datatype": "UINT8", "shape": [1, 1, 32, 32], "data": [128] * 1024}
    ],
}
# The body is read by hand, since a form of it is JSON with bytes behind, which FastAPI cannot say.
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": InferenceRequest.model_json_schema(),
                "example": _EXAMPLE,
            },
            "application/octet-stream": _BINARY,
        },
    }
}


class ServerMetadata(BaseModel):
    """What this server is."""

    name: str = MODEL
    version: str = __version__
    extensions: tuple[str, ...] = ("binary_tensor_data", "model_repository")


class ServerLive(BaseModel):
    """Whether the process answers."""

    live: bool = True


class ServerReady(BaseModel):
    """Whether a verified model is loaded."""

    ready: bool


class IndexedVersion(BaseModel):
    """A version in the index of the repository."""

    name: str = MODEL
    version: str
    state: str
    reason: str


class ModelMetadata(BaseModel):
    """The versions of the model, its inputs and its outputs."""

    name: str = MODEL
    versions: tuple[str, ...]
    platform: str = _PLATFORM
    inputs: tuple[TensorMetadata] = (INPUT,)
    outputs: tuple[TensorMetadata] = (OUTPUT,)


class ModelReady(BaseModel):
    """A version that is loaded."""

    name: str = MODEL
    version: str
    ready: bool = True


def refuse_other_models(name: str) -> None:
    """Refuse an address of a model that is not ours.

    Raises:
        NotFoundError: It is.
    """
    if name != MODEL:
        raise NotFoundError(f"There is no model {name[:80]!r}; there is {MODEL!r}.")


@router.get("", responses=refusals(422), dependencies=[Depends(refuse_any_query)])
async def server_metadata() -> ServerMetadata:
    """Say what this server is."""
    return ServerMetadata()


@router.get("/health/live", responses=refusals())
async def live() -> ServerLive:
    """Say that the process answers."""
    return ServerLive()


@router.get(
    "/health/ready",
    responses={**refusals(), 503: {"model": ServerReady, "description": "No model is loaded."}},
)
async def ready(service: ServiceDep, response: Response) -> ServerReady:
    """Say whether a verified model is loaded."""
    found = is_ready(service)
    response.status_code = 200 if found else 503
    return ServerReady(ready=found)


@router.post("/repository/index", responses=refusals(422), dependencies=[Depends(refuse_any_query)])
async def index(service: ServiceDep) -> list[IndexedVersion]:
    """List the versions, and which of them is served."""
    models = service.models
    loaded = {served.version.version for served in models.loaded()}
    return [
        IndexedVersion(
            version=str(version.version),
            state="READY" if version.version in loaded else "UNAVAILABLE",
            reason="" if version.version in loaded else "loaded when it is asked for",
        )
        for version in models.state.snapshot.versions
    ]


model_router = APIRouter(
    prefix="/models/{name}",
    dependencies=[Depends(refuse_other_models), Depends(refuse_any_query)],
)
_LOADING = refusals(404, 422, 503)


@model_router.get("", responses=_LOADING)
async def model_metadata(service: ServiceDep) -> ModelMetadata:
    """Describe the model: its versions, inputs and outputs."""
    versions = service.models.state.snapshot.versions
    return ModelMetadata(versions=tuple(str(one.version) for one in reversed(versions)))


@model_router.get("/versions/{version}", responses=_LOADING)
async def version_metadata(version: str, service: ServiceDep) -> ModelMetadata:
    """Describe the model, if it has that version."""
    await service.models.version_of(version)
    return await model_metadata(service)


@model_router.get("/ready", responses=_LOADING)
async def model_ready(service: ServiceDep) -> ModelReady:
    """Say whether the champion can be asked."""
    return await version_ready(CHAMPION, service)


@model_router.get("/versions/{version}/ready", responses=_LOADING)
async def version_ready(version: str, service: ServiceDep) -> ModelReady:
    """Load a version if it is not, and say that it can be asked."""
    served = await service.models.find(version)
    return ModelReady(version=str(served.version.version))


_INFERS: dict[str, Any] = {
    "response_model": InferenceResponse,
    "response_class": JSONResponse,
    "responses": {
        200: {"content": {"application/octet-stream": _BINARY}},
        **refusals(400, 404, 408, 413, 415, 422, 503, 504),
    },
    "openapi_extra": _BODY,
}


@model_router.post("/infer", **_INFERS)
async def infer(request: Request, service: ServiceDep) -> Response:
    """Run the champion as it is, on tensors."""
    return await version_infer(request, CHAMPION, service)


@model_router.post("/versions/{version}/infer", **_INFERS)
async def version_infer(request: Request, version: str, service: ServiceDep) -> Response:
    """Run a version as it is, on tensors.

    Each image is run by itself, so an answer does not depend on what it came with.
    """
    body = await service.bodies.read(request)
    served = await service.models.find(version)
    notes = notes_of(request)
    notes.version = served.version.version
    return await service.queue.run(
        partial(_infer, service.models, body, request.headers.get(HEADER_LENGTH), served),
        arrived=notes.arrived,
        gone=partial(wait_for_disconnect, request),
    )


def _infer(
    models: LoadedModels,
    body: bytes,
    header_length: str | None,
    served: LoadedModel,
    interruption: Interruption,
) -> Response:
    model = served.segmenter
    asked = read_request(body, header_length, model.card.stride)
    with models.counting_faults(served, interruption):
        answers = [model.run_shape(image[None], interruption) for image in asked.images]
    return write_response(asked, served.version.version, np.concatenate(answers))


router.include_router(model_router)
