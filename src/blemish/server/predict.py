"""``/v1/predict``: a picture in, its defects out."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from fastapi import APIRouter, Request
from starlette.responses import Response

from blemish.answers import Answer, answer
from blemish.errors import BlemishError
from blemish.imaging import Limits
from blemish.monitoring.prediction_log import PredictionRecord
from blemish.prediction import Prediction
from blemish.server.bodies import find_picture, read_body
from blemish.server.openapi import PREDICT
from blemish.server.problems import KINDS, as_problem
from blemish.server.queries import PredictQuery, parse_predict_query
from blemish.server.recorder import Seen
from blemish.server.service import Service, service_of
from blemish.server.slot import Served

router = APIRouter()


@dataclass(frozen=True)
class _Work:
    """What a thread does for one request."""

    picture: bytes
    served: Served
    query: PredictQuery
    limits: Limits
    as_picture: bool

    def __call__(self) -> tuple[Answer, Prediction, bytes]:
        include = {"overlay"} if self.as_picture else self.query.include
        said = answer(
            self.picture,
            self.served.segmenter,
            threshold=self.query.threshold,
            include=include,
            limits=self.limits,
        )
        identity = self.served.identity(self.query.model)
        if self.as_picture:
            return said, said.describe(identity), said.renderings["overlay"]
        whole = said.describe(identity, include)
        return said, whole, whole.to_json()


@router.post("/v1/predict", **PREDICT)
async def predict(request: Request) -> Response:
    """Find the defects in one picture.

    The picture is the body, or the one part `file` of a multipart form. What it is, its first
    bytes say; the declared type is not looked at. With `Accept: image/png` the answer is the
    picture with the defects outlined.
    """
    service = service_of(request)
    came = datetime.now(UTC)
    try:
        query = parse_predict_query(request.scope["query_string"])
        body = await read_body(
            request,
            service.reservoir,
            megabytes=service.limits.megabytes,
            seconds=service.options.serve.body_s,
        )
        picture, name = find_picture(body, request.headers.get("content-type", ""))
        request.state.file_name = name
        served = await service.slot.find(query.model)
        request.state.version = served.version.version
        as_picture = prefers_png(request.headers.get("accept", ""))
        work = _Work(picture, served, query, service.limits, as_picture)
        said, prediction, content = await service.engine.run(
            work, arrived=request.state.arrived, gone=partial(gone, request)
        )
    except BlemishError as error:
        _record_problem(service, request, came, error)
        raise
    seen = Seen(said.image.plane, said.segmentation, served.version.version)
    record = _as_record(came, request, work, prediction)
    _record(service, request, record, prediction, seen)
    headers = {"Vary": "Accept"}
    return Response(content, 200, headers, "image/png" if as_picture else "application/json")


async def gone(request: Request) -> None:
    """Return when the client has closed its connection; its body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def prefers_png(accept: str) -> bool:
    """Say whether an ``Accept`` header (RFC 9110) wants a PNG rather than JSON."""
    weights = {"image/png": 0.0, "application/json": 0.0}
    for item in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in item.split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                weight = _weight(parameter[2:])
        if kind in weights:
            weights[kind] = weight
        elif kind in ("*/*", "application/*"):
            weights["application/json"] = max(weights["application/json"], weight)
        elif kind == "image/*":
            weights["image/png"] = max(weights["image/png"], weight)
    return weights["image/png"] > weights["application/json"]


def _weight(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0


def _as_record(
    came: datetime, request: Request, work: _Work, prediction: Prediction
) -> PredictionRecord:
    """Return what the log is told of an answer."""
    return PredictionRecord(
        time=came,
        request_id=request.state.request_id,
        status=200,
        version=prediction.model.version,
        prediction=prediction,
        picture=work.picture,
    )


def _record(
    service: Service, request: Request, record: PredictionRecord, prediction: Prediction, seen: Seen
) -> None:
    """Count a prediction, and hand it to the log."""
    figures = service.figures
    spent = prediction.timing_ms.model_dump()
    for phase, milliseconds in spent.items():
        figures.latency.labels(phase).observe(milliseconds / 1e3)
    request.state.phases = {phase: ms for phase, ms in spent.items() if phase != "total"}
    version = str(record.version)
    figures.images.labels(version).inc()
    if prediction.defective:
        figures.defective.labels(version).inc()
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
            version=getattr(request.state, "version", None),
        ),
        None,
    )
