"""Puts the application together."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import structlog
from fastapi import FastAPI, Request
from fastapi_offline import FastAPIOffline
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from blemish import __version__
from blemish.memory import return_memory, spare_what_is_loaded
from blemish.server import (
    health_routes,
    model_routes,
    prediction_routes,
    problems,
    protocol_routes,
)
from blemish.server.admission import Admission
from blemish.server.options import Options
from blemish.server.request_notes import notes_of
from blemish.server.service import Drain, Service
from blemish.server.work_queue import ClientGoneError

_log = structlog.get_logger(__name__)
_CLIENT_GONE = 499  # as nginx writes it; nobody reads the answer
_MEASURE_S = 1.0
_WATCH_S = 0.25
_TRIMMED = (1, 12)  # looks after the last work: at once, and when its answer has gone out
_DESCRIPTION = """Finds scratches and other defects on metal surfaces, pixel by pixel.

Errors are `application/problem+json` (RFC 9457) with a stable `type`."""


def create_app(options: Options, drain: Drain | None = None) -> FastAPI:
    """Build the application of one process.

    Args:
        options: Options of the command line and ``params.yaml``.
        drain: Set by the process when it is told to end.
    """
    service = Service.build(options, drain or Drain())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.open()
        spare_what_is_loaded()
        tasks = [
            asyncio.create_task(_repeat(partial(_measure, service), _MEASURE_S, service)),
            asyncio.create_task(_repeat(_QueueWatch(service), _WATCH_S, service)),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
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
    app.add_middleware(Admission, service=service)
    return app


async def _repeat(step: Callable[[], Awaitable[None]], pause_s: float, service: Service) -> None:
    """Take a step again and again; a fault of one is counted, logged, and ends nothing."""
    while True:
        try:
            await step()
        except Exception:  # noqa: BLE001 - the edge of this task, which must outlive all
            service.watch_failures += 1
            _log.exception("watch_failed")
        await asyncio.sleep(pause_s)


async def _measure(service: Service) -> None:
    """Keep the gauges fresh, since of several processes another may be asked for them."""
    health_routes.measure(service)


class _QueueWatch:
    """Ends runs of a graph that take too long, and returns memory when all is quiet.

    Args:
        service: Service whose queue is watched.
    """

    def __init__(self, service: Service) -> None:
        self._queue = service.queue
        self._quiet_looks = _TRIMMED[-1]

    async def __call__(self) -> None:
        """Look once."""
        self._queue.end_overruns()
        if self._queue.held:
            self._quiet_looks = 0
        elif self._quiet_looks < _TRIMMED[-1]:
            self._quiet_looks += 1
            if self._quiet_looks in _TRIMMED:
                await asyncio.to_thread(return_memory)


async def _answer_nobody(request: Request, error: Exception) -> Response:
    """End a request whose client has closed its connection."""
    del error
    notes_of(request).problem = "client-gone"
    return Response(status_code=_CLIENT_GONE)
