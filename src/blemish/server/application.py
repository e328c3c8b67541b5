"""Puts the application together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi_offline import FastAPIOffline
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp

from blemish import __version__
from blemish.memory import return_memory
from blemish.server import (
    health_routes,
    model_routes,
    prediction_routes,
    problems,
    protocol_routes,
)
from blemish.server.admission import Admission
from blemish.server.engine import ClientGoneError
from blemish.server.options import Options
from blemish.server.service import Drain, Service

_CLIENT_GONE = 499  # as nginx writes it; nobody reads the answer
_MEASURE_S = 1.0
_WATCH_S = 0.25
_DESCRIPTION = """Finds scratches and other defects on metal surfaces, pixel by pixel.

Errors are `application/problem+json` (RFC 9457) with a stable `type`."""


def create_app(options: Options, drain: Drain | None = None) -> ASGIApp:
    """Build the application of one process.

    Args:
        options: How it is run.
        drain: Set by the process when it is told to end.
    """
    service = Service.build(options, drain or Drain())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.open()
        tasks = [
            asyncio.create_task(_keep_measuring(service)),
            asyncio.create_task(_keep_ending(service)),
        ]
        yield
        for task in tasks:
            task.cancel()
        await service.close()

    app = FastAPIOffline(  # whose page fetches no script from elsewhere
        title="Blemish",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        redirect_slashes=False,
        redoc_url=None,
        static_url="/docs/assets",
    )
    app.state.service = service
    for module in (prediction_routes, model_routes, protocol_routes, health_routes):
        app.include_router(module.router)
    problems.install(app)
    for gone in (ClientGoneError, ClientDisconnect):
        app.add_exception_handler(gone, _answer_nobody)
    return Admission(app, service)


async def _keep_measuring(service: Service) -> None:
    """Keep the gauges fresh, since of several processes another may be asked for them."""
    while True:
        health_routes.measure(service)
        await asyncio.sleep(_MEASURE_S)


async def _keep_ending(service: Service) -> None:
    """End runs of a graph that take too long, and return memory when all is quiet."""
    busy = False
    while True:
        service.engine.end_overruns()
        if busy and not service.engine.held:
            await asyncio.to_thread(return_memory)
        busy = bool(service.engine.held)
        await asyncio.sleep(_WATCH_S)


async def _answer_nobody(request: Request, error: Exception) -> Response:
    """End a request whose client has closed its connection."""
    del error
    request.state.problem = "client-gone"
    return Response(status_code=_CLIENT_GONE)
