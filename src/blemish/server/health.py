"""``/livez``, ``/readyz``, ``/metrics``: whether it lives, whether it can answer, how it does."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import JSONResponse, Response

from blemish.server.openapi import LIVE, METRICS, READY
from blemish.server.service import Service, service_of

router = APIRouter()


@router.get("/livez", **LIVE)
async def livez() -> JSONResponse:
    """Say that the process answers."""
    return JSONResponse({"status": "alive"})


@router.get("/readyz", **READY)
async def readyz(request: Request) -> JSONResponse:
    """Say whether a verified model is loaded, and what is wrong if anything is."""
    service = service_of(request)
    return JSONResponse(readiness(service), 200 if is_ready(service) else 503)


@router.get("/metrics", **METRICS)
async def metrics(request: Request) -> Response:
    """Return the figures for Prometheus."""
    service = service_of(request)
    measure(service)
    return Response(service.figures.render(), media_type=CONTENT_TYPE_LATEST)


def is_ready(service: Service) -> bool:
    """Say whether requests should be sent here."""
    return service.slot.champion is not None and not service.drain.started


def readiness(service: Service) -> dict[str, Any]:
    """Return the body of ``/readyz``."""
    slot = service.slot
    status = "ready" if is_ready(service) else "draining" if service.drain.started else "no model"
    champion = slot.champion.version if slot.champion else None
    return {
        "status": status,
        "model": None
        if champion is None
        else {
            "version": champion.version,
            "precision": champion.precision,
            "sha256": champion.sha256,
            "fingerprint": champion.fingerprint,
        },
        "fault": None
        if slot.fault is None
        else {
            "version": slot.fault.version,
            "reason": slot.fault.reason,
            "since": datetime.fromtimestamp(slot.fault.since, UTC).isoformat(),
        },
        "registry": {"stale_s": round(slot.stale_s, 1), "error": slot.store_error},
    }


def measure(service: Service) -> None:
    """Bring the gauges up to date."""
    figures, slot, engine = service.figures, service.slot, service.engine
    figures.in_work.set(min(engine.held, engine.parallel))
    figures.waiting.set(engine.waiting)
    figures.version.set(slot.champion.version.version if slot.champion else 0)
    figures.broken.set(slot.fault is not None)
    figures.stale.set(slot.stale_s)
    figures.lost.set(service.recorder.writer.lost)
