"""``/v1/predict``: an image in, its defects out."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from blemish.answers import Answer, answer
from blemish.errors import BlemishError
from blemish.imaging import pixels_by_header
from blemish.interruption import Interruption
from blemish.monitoring.prediction_log import LogEntry
from blemish.prediction import RENDERINGS, Prediction
from blemish.server.accept_header import prefers_png
from blemish.server.loaded_model import LoadedModel
from blemish.server.problems import as_problem, refusals
from blemish.server.query_rules import refuse_ambiguous_query
from blemish.server.recorder import AnsweredImage
from blemish.server.request_bodies import wait_for_disconnect
from blemish.server.request_notes import RequestNotes, notes_of
from blemish.server.service import Service, ServiceDep
from blemish.server.sliced_answers import sliced_answer

router = APIRouter(tags=["predict"])

_NAMES = "|".join(RENDERINGS)
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FORM = {
    "type": "object",
    "properties": {"file": {"type": "string", "format": "binary"}},
    "required": ["file"],
    "additionalProperties": False,
}
_TYPES = ("image/png", "image/jpeg", "image/bmp", "image/tiff", "image/webp")
# FastAPI has no word for a body that is either raw or a form.
_BODY = {
    "requestBody": {
        "required": True,
        "description": "A PNG, JPEG, BMP, single-page TIFF or still WebP, of 8 or 16 bits.",
        "content": {**dict.fromkeys(_TYPES, _BINARY), "multipart/form-data": {"schema": _FORM}},
    }
}


class PredictQuery(BaseModel):
    """What a request to ``/v1/predict`` asks for."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    model: str = Field("champion", examples=["champion"])
    """Alias or version."""
    threshold: float | None = Field(None, ge=0.0, le=1.0, allow_inf_nan=False, examples=[0.5])
    """Marks every pixel from this probability on. By default the model's own rule: its threshold,
    and a peak that a mark must reach somewhere."""
    bits: int | None = Field(None, ge=8, le=16, examples=[12])
    """Depth of the samples of a 16-bit file that declares none."""
    include: str = Field(
        "", pattern=rf"^(({_NAMES})(,({_NAMES}))*)?$", max_length=64, examples=["mask,overlay"]
    )
    """Renderings to put into the answer, by commas: no key may come twice (``query_rules``)."""

    @property
    def renderings(self) -> frozenset[str]:
        """The names in ``include``."""
        return frozenset(filter(None, self.include.split(",")))


@router.post(
    "/v1/predict",
    response_model=Prediction,
    response_class=JSONResponse,
    response_description="The defects; for `Accept: image/png` the image with their outlines.",
    responses={
        200: {"content": {"image/png": _BINARY}},
        **refusals(400, 404, 408, 413, 415, 422, 503, 504),
    },
    openapi_extra=_BODY,
    dependencies=[Depends(refuse_ambiguous_query)],
)
async def predict(
    request: Request,
    query: Annotated[PredictQuery, Query()],
    service: ServiceDep,
) -> Response:
    """Find the defects in one image.

    The image is the body, or the one part `file` of a multipart form. What it is, its first
    bytes say; the declared type is not looked at. With `Accept: image/png` the answer is the
    image with the defects outlined.
    """
    notes, time = notes_of(request), datetime.now(UTC)
    try:
        image, notes.file_name = await service.bodies.read_image(request)
        served = await service.models.find(query.model)
        notes.version = served.version.version
        as_png = prefers_png(request.headers.get("accept", ""))
        found, prediction, content = await service.queue.run(
            partial(_predict, service, image, served, query, as_png=as_png),
            arrived=notes.arrived,
            gone=partial(wait_for_disconnect, request),
            measure=partial(pixels_by_header, image),
        )
    except BlemishError as error:
        problem = as_problem(error)
        refused = _begin_entry(notes, time, problem.kind.status)
        refused = replace(refused, error=problem.kind.code, detail=str(problem))
        service.recorder.submit(refused, None)
        raise
    entry = replace(_begin_entry(notes, time, 200), prediction=prediction, image=image)
    _count(service, notes, found)
    seen = AnsweredImage(found.image.plane, found.segmentation, served.version.version)
    service.recorder.submit(entry, seen)
    kind = "image/png" if as_png else "application/json"
    return sliced_answer((content,), {"Vary": "Accept"}, kind)


def _predict(
    service: Service,
    image: bytes,
    served: LoadedModel,
    query: PredictQuery,
    interruption: Interruption,
    *,
    as_png: bool,
) -> tuple[Answer, Prediction, bytes]:
    """Do in a thread what one request asks for; also the JSON, which may have megabytes."""
    include = {"overlay"} if as_png else query.renderings
    with service.models.counting_faults(served, interruption):
        found = answer(
            image,
            served.segmenter,
            threshold=query.threshold,
            include=include,
            limits=service.limits,
            bits=query.bits,
            interruption=interruption,
        )
    identity = served.identity(query.model)
    if as_png:
        return found, found.to_prediction(identity), found.renderings["overlay"]
    prediction = found.to_prediction(identity, include)
    return found, prediction, prediction.to_json()


def _begin_entry(notes: RequestNotes, time: datetime, status: int) -> LogEntry:
    return LogEntry(
        time=time,
        request_id=notes.request_id,
        status=status,
        key=notes.key,
        version=notes.version,
    )


def _count(service: Service, notes: RequestNotes, found: Answer) -> None:
    """Add a prediction to the metrics, and its phases to the trace."""
    metrics, version = service.metrics, str(notes.version)
    spent: dict[str, float] = found.timing.model_dump()
    for phase, milliseconds in spent.items():
        metrics.latency.labels(phase).observe(milliseconds / 1e3)
    del spent["total"]
    notes.trace.add_phases(spent)
    metrics.images.labels(version).inc()
    if found.segmentation.defect_count:
        metrics.defective.labels(version).inc()
