"""The parts of one serving process, put together once and closed in order."""

import asyncio
import functools
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from fastapi import Depends
from sqlalchemy import Engine
from starlette.requests import Request

from blemish.config import settings
from blemish.config.checkout_params import monitor_params
from blemish.imaging import Limits
from blemish.monitoring.database import images_folder, log_url
from blemish.monitoring.log_writer import Housekeeping, LogWriter
from blemish.monitoring.prediction_log import ServedEntry
from blemish.registry import Registry
from blemish.server.api_keys import KeyFile, KeyRing, keys_path
from blemish.server.follower import Follower
from blemish.server.loaded_model import LoadedModel
from blemish.server.loaded_models import LoadedModels
from blemish.server.options import Options
from blemish.server.recorder import Recorder
from blemish.server.request_bodies import BodyReader
from blemish.server.server_metrics import ServerMetrics
from blemish.server.traces import Traces
from blemish.server.work_queue import WorkQueue
from blemish.store.names import CHAMPION


@dataclass
class Drain:
    """Whether the process is going down."""

    started: bool = False


@dataclass
class Service:
    """Everything that a request needs."""

    options: Options
    limits: Limits
    models: LoadedModels
    follower: Follower
    queue: WorkQueue
    bodies: BodyReader
    metrics: ServerMetrics
    keys: KeyRing
    recorder: Recorder
    traces: Traces
    drain: Drain
    watch_failures: int = 0
    """Faults of the tasks that measure and watch; each went on."""

    @classmethod
    def build(cls, options: Options, drain: Drain) -> "Service":
        """Put the parts together; nothing is asked of the registry yet."""
        environment = settings()
        serve = options.serve
        metrics = ServerMetrics()
        images = images_folder(environment) if environment.keep_images else None
        writer = LogWriter(
            log_url(environment),
            images=images,
            image_megabytes=monitor_params().keep.image_megabytes,
            housekeeping=_housekeeping(images_folder(environment)),
        )
        models = LoadedModels(
            Registry.connect(),
            serve.models,
            serve.inference_threads,
            faults=serve.faults,
            on_fault=metrics.faults.inc,
        )
        queue = WorkQueue(options.parallel, serve.queue, serve.deadline_s)
        recorder = Recorder(
            writer,
            models,
            metrics,
            shadow=options.shadow,
            share=serve.shadow_share,
            is_idle=lambda: queue.waiting == 0,
        )

        def on_swap(served: LoadedModel) -> None:
            version = served.version
            metrics.swaps.inc()
            writer.model_served(
                ServedEntry(
                    time=datetime.now(UTC),
                    version=version.version,
                    alias=CHAMPION,
                    precision=version.precision,
                    statistics=served.segmenter.card.statistics,
                )
            )

        return cls(
            options=options,
            limits=Limits.of(serve),
            models=models,
            follower=Follower(models, serve.poll_s, on_swap=on_swap, on_refuse=metrics.faults.inc),
            queue=queue,
            bodies=BodyReader(serve.megabytes, serve.body_s),
            metrics=metrics,
            keys=KeyRing(
                KeyFile(keys_path(environment)),
                required=not options.is_loopback or options.is_behind_proxy,
            ),
            recorder=recorder,
            traces=Traces(environment.otlp_endpoint),
            drain=drain,
        )

    async def open(self) -> None:
        """Serve what is known from the last time, then follow the registry."""
        await asyncio.to_thread(self.follower.warm_start)
        self.follower.start()

    async def close(self) -> None:
        """Finish what was accepted, and write down what is left to write."""
        self.follower.stop()
        self.models.close()
        await asyncio.to_thread(self.queue.close)
        await asyncio.to_thread(self.recorder.close)
        await asyncio.to_thread(self.traces.close)


def _housekeeping(images: Path) -> Housekeeping:
    """Return what the log's thread does now and then; it loads SciPy, too slow for a start."""

    @functools.cache
    def keeper() -> Housekeeping:
        from blemish.monitoring.housekeeping import Housekeeper  # noqa: PLC0415 - as said
        from blemish.monitoring.webhook import Webhook  # noqa: PLC0415 - as said

        environment = settings()
        url, secret = environment.alarm_webhook, environment.alarm_secret
        webhook = Webhook(url, secret) if url else None
        return Housekeeper(monitor_params(), images, webhook)

    def keep(database: Engine) -> None:
        keeper()(database)

    return keep


def service_of(request: Request) -> Service:
    """Return the service that answers a request."""
    found: Service = request.app.state.service
    return found


ServiceDep = Annotated[Service, Depends(service_of)]
"""The service that a request came to, as FastAPI hands it to a route."""
