"""``/v1/predict``: an image in, its defects out."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from blemish.answers import Answer, answer
from blemish.errors import BlemishError
from blemish.imaging import Limits
from blemish.imaging.pillow import pixels_by_header
from blemish.interruption import Interruption
from blemish.monitoring.prediction_log import PredictionRecord
from blemish.prediction import RENDERINGS, Prediction
from blemish.server.accept_header import prefers_png
from blemish.server.problems import KINDS, as_problem, refusals
from blemish.server.query_rules import refuse_ambiguous_query
from blemish.server.recorder import AnsweredImage
from blemish.server.request_bodies import read_image
from blemish.server.served_version import Served
from blemish.server.service import Service, ServiceDep
from blemish.server.slot import Slot

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


@dataclass(frozen=True)
class _Work:
    """What a thread does for one request; it makes the JSON too, which may have megabytes."""

    image: bytes
    slot: Slot
    served: Served
    query: PredictQuery
    limits: Limits
    as_png: bool

    def __call__(self, interruption: Interruption) -> tuple[Answer, Prediction, bytes]:
        include = {"overlay"} if self.as_png else self.query.renderings
        with self.slot.counting_faults(self.served, interruption):
            said = answer(
                self.image,
                self.served.segmenter,
                threshold=self.query.threshold,
                include=include,
                limits=self.limits,
                bits=self.query.bits,
                interruption=interruption,
            )
        identity = self.served.identity(self.query.model)
        if self.as_png:
            return said, said.describe(identity), said.renderings["overlay"]
        whole = said.describe(identity, include)
        return said, whole, whole.to_json()


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
    came = datetime.now(UTC)
    try:
        image, request.state.file_name = await read_image(
            request,
            service.reservoir,
            megabytes=service.limits.megabytes,
            seconds=service.options.serve.body_s,
        )
        served = await service.slot.find(query.model)
        request.state.version = served.version.version
        as_png = prefers_png(request.headers.get("accept", ""))
        work = _Work(image, service.slot, served, query, service.limits, as_png)
        said, prediction, content = await service.engine.run(
            work,
            arrived=request.state.arrived,
            gone=partial(gone, request),
            measure=partial(pixels_by_header, image),
        )
    except BlemishError as error:
        _record_problem(service, request, came, error)
        raise
    _record(service, request, PredictionRecord(
        time=came,
        request_id=request.state.request_id,
        status=200,
        key=getattr(request.state, "key", None),
        version=prediction.model.version,
        prediction=prediction,
        image=image,
    ), said)  # fmt: skip
    kind = "image/png" if as_png else "application/json"
    return Response(content, 200, {"Vary": "Accept"}, kind)


async def gone(request: Request) -> None:
    """Return when the client has closed its connection; its body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _record(service: Service, request: Request, record: PredictionRecord, said: Answer) -> None:
    """Count a prediction, and hand it to the log."""
    metrics = service.metrics
    spent: dict[str, Any] = said.timing.model_dump()
    for phase, milliseconds in spent.items():
        metrics.latency.labels(phase).observe(milliseconds / 1e3)
    phases = {phase: ms for phase, ms in spent.items() if phase != "total"}
    request.state.trace.add_phases(phases)
    version = str(record.version)
    metrics.images.labels(version).inc()
    if said.segmentation.defect_count:
        metrics.defective.labels(version).inc()
    seen = AnsweredImage(said.image.plane, said.segmentation, record.version or 0)
    service.recorder.submit(record, seen)


def _record_problem(
    service: Service, request: Request, came: datetime, error: BlemishError
) -> None:
    problem = as_problem(error)
    service.recorder.submit(
        PredictionRecord(
            time=came,
            request_id=request.state.request_id,
            status=KINDS[problem.kind].status,
            error=problem.kind,
            detail=str(problem),
            key=getattr(request.state, "key", None),
            version=getattr(request.state, "version", None),
        ),
        None,
    )
