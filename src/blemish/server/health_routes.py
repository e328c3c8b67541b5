"""``/livez``, ``/readyz``, ``/metrics``: whether it lives, whether it can answer, how it does."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from blemish.config.secrets import hide_places_in
from blemish.monitoring.log_writer import LogWriter
from blemish.registry import Version
from blemish.server.problems import refusals
from blemish.server.service import Service, ServiceDep
from blemish.server.serving_state import ServingFault

router = APIRouter(tags=["health"])
Teller = Callable[[str | None], str | None]
"""Makes a sentence fit for whoever may read it."""


class Liveness(BaseModel):
    """The body of ``/livez``."""

    status: Literal["alive"] = "alive"


class ServedModel(BaseModel):
    """The version that answers."""

    version: int
    precision: str
    sha256: str
    fingerprint: str


class FaultReport(BaseModel):
    """Why the version that the registry calls champion does not answer."""

    version: int | None
    reason: str
    since: datetime


class RegistryReport(BaseModel):
    """How the registry did when it was last asked."""

    stale_s: float
    error: str | None


class LogReport(BaseModel):
    """How the prediction log does: a fault of it stops no answer, and is never silent."""

    written: int
    lost: int
    faults: int
    fault: str | None


class ThreadReport(BaseModel):
    """How a thread in the background has done since the start."""

    failures: int
    """Faults that it did not expect; it went on after each."""


class BackgroundReport(BaseModel):
    """The threads that no request waits for."""

    recorder: ThreadReport
    follower: ThreadReport
    watch: ThreadReport
    """What measures, and ends runs of a graph that take too long."""


class Readiness(BaseModel):
    """The body of ``/readyz``."""

    status: Literal["ready", "draining", "no model"]
    model: ServedModel | None
    fault: FaultReport | None
    registry: RegistryReport
    log: LogReport
    background: BackgroundReport
    keys: str | None
    """Why no key is accepted, where the key file cannot be read."""


@router.get("/livez", responses=refusals())
async def livez() -> Liveness:
    """Say that the process answers."""
    return Liveness()


@router.get(
    "/readyz",
    responses={
        **refusals(),
        503: {"model": Readiness, "description": "No model is loaded, or the server is draining."},
    },
)
async def readyz(service: ServiceDep, response: Response) -> Readiness:
    """Say whether a verified model is loaded, and what is wrong if anything is."""
    if not is_ready(service):
        response.status_code = 503
    return readiness(service)


class PrometheusResponse(Response):
    """The text that Prometheus reads."""

    media_type = CONTENT_TYPE_LATEST


@router.get("/metrics", response_class=PrometheusResponse, responses=refusals())
async def metrics(service: ServiceDep) -> PrometheusResponse:
    """Return the metrics for Prometheus."""
    measure(service)
    return PrometheusResponse(service.metrics.render())


def is_ready(service: Service) -> bool:
    """Say whether requests should be sent here."""
    return service.models.state.champion is not None and not service.drain.started


def readiness(service: Service) -> Readiness:
    """Return the body of ``/readyz``."""
    state = service.models.state
    tell = _teller(service)
    status: Literal["ready", "draining", "no model"] = "no model"
    if service.drain.started:
        status = "draining"
    elif state.champion is not None:
        status = "ready"
    return Readiness(
        status=status,
        model=_model(state.champion.version) if state.champion else None,
        fault=_fault(state.fault, tell) if state.fault else None,
        registry=RegistryReport(stale_s=round(state.stale_s, 1), error=tell(state.store_error)),
        background=BackgroundReport(
            recorder=ThreadReport(failures=service.recorder.failures),
            follower=ThreadReport(failures=service.follower.failures),
            watch=ThreadReport(failures=service.watch_failures),
        ),
        keys=tell(service.keys.fault),
        log=_log(service.recorder.writer, tell),
    )


def _teller(service: Service) -> Teller:
    """Return what makes a sentence fit for whoever can ask: ``/readyz`` wants no key.

    On loopback it is told whole; where others can ask, addresses and paths stay in the log.
    """
    options = service.options
    if options.is_loopback and not options.is_behind_proxy:
        return lambda text: text
    return lambda text: None if text is None else hide_places_in(text)


def _log(writer: LogWriter, tell: Teller) -> LogReport:
    fault = writer.fault
    return LogReport(
        written=writer.written,
        lost=writer.lost,
        faults=writer.faults,
        fault=None if fault is None else tell(f"{fault.step} failed: {fault.reason}"),
    )


def _model(champion: Version) -> ServedModel:
    return ServedModel(
        version=champion.version,
        precision=champion.precision,
        sha256=champion.sha256,
        fingerprint=champion.fingerprint,
    )


def _fault(fault: ServingFault, tell: Teller) -> FaultReport:
    since = datetime.fromtimestamp(fault.since, UTC)
    return FaultReport(version=fault.version, reason=tell(fault.reason) or "", since=since)


def measure(service: Service) -> None:
    """Bring the gauges up to date."""
    metrics, state, queue = service.metrics, service.models.state, service.queue
    metrics.in_work.set(min(queue.held, queue.parallel))
    metrics.waiting.set(queue.waiting)
    metrics.version.set(state.champion.version.version if state.champion else 0)
    metrics.broken.set(state.fault is not None)
    metrics.stale.set(state.stale_s)
    metrics.lost.set(service.recorder.writer.lost)
