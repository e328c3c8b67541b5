"""Starts uvicorn: one process or several, TLS, the drain on SIGTERM."""

import asyncio
import contextlib
import os
import signal
import socket
import tempfile
import time
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from blemish.config import settings
from blemish.errors import ServiceError
from blemish.memory import limit_arenas
from blemish.processes import die_with_parent
from blemish.server.api_keys import KeyFile
from blemish.server.connections import ConnectionGuard, GuardedProtocol, connection_capacity
from blemish.server.listening_socket import BACKLOG, listen, refuse_newcomers
from blemish.server.log_lines import configure_log
from blemish.server.options import Options, Place
from blemish.server.server_metrics import MULTIPROCESS
from blemish.server.service import Drain
from blemish.server.workers import Workers

_ACCEPTED_AT_ONCE = 16
_HEAD_BYTES = 16 * 1024
_KEEP_ALIVE_S = 75
_GRACE_S = 5
_IDLE_S = 5.0
_HANDSHAKE_S = 1.0
"""Within which a connection that was begun before the end of the drain is made."""


def serve(options: Options) -> None:
    """Serve until told to end.

    Raises:
        ServiceError: The address is taken, or is not loopback and there is no key.
    """
    configure_log(settings().log_level)
    os.umask(0o077)  # the log, its images and all else of ours are their owner's alone
    limit_arenas()
    _refuse_unauthenticated_bind(options)
    listener = listen(options)
    if options.workers == 1:
        serve_process(options, [listener])
        return
    with tempfile.TemporaryDirectory(prefix="blemish-metrics-") as folder:
        os.environ[MULTIPROCESS] = folder
        serve_worker = partial(_serve_worker, options)
        Workers(options.workers, serve_worker, [listener], options.serve.drain_s).run()


def serve_process(options: Options, sockets: list[socket.socket]) -> None:
    """Serve from this one process."""
    from blemish.server.application import create_app  # noqa: PLC0415 - not for the supervisor

    drain = Drain()
    guard = ConnectionGuard(connection_capacity())
    config = _config(options, create_app(options, drain), guard)
    DrainingServer(config, drain, options, guard).run(sockets)


def _serve_worker(options: Options, sockets: list[socket.socket]) -> None:
    die_with_parent()
    configure_log(settings().log_level)
    serve_process(options, sockets)


class DrainingServer(uvicorn.Server):
    """On SIGTERM says so in ``/readyz``, accepts a while longer, then finishes what it has.

    Args:
        config: Of uvicorn.
        drain: Shared with the application.
        options: How long.
        guard: Of its connections.
    """

    def __init__(
        self, config: uvicorn.Config, drain: Drain, options: Options, guard: ConnectionGuard
    ) -> None:
        super().__init__(config)
        self._guard = guard
        self._drain = drain
        self._drain_s = options.serve.drain_s
        self._alone = options.workers == 1  # others may still serve from the same listener
        self._end_at = float("inf")
        self._listeners: list[socket.socket] = []
        self._refusing = False
        self._closed = False

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve on these sockets until told to end."""
        self._listeners = sockets or []
        super().run(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept few connections at a turn, though many may wait."""
        asyncio.get_running_loop().set_exception_handler(self._guard.on_loop_fault)
        await super().startup(sockets)
        for listener in self._listeners:
            listener.listen(BACKLOG)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain at the first SIGTERM; end at once at any other signal."""
        if sig != signal.SIGTERM or self._drain.started:
            super().handle_exit(sig, frame)
            return
        self._drain.started = True
        self._end_at = time.monotonic() + self._drain_s

    async def on_tick(self, counter: int) -> bool:
        """Stop accepting when the drain is over; end when all accepted requests are answered."""
        now = time.monotonic()
        if now >= self._end_at and not self._refusing:
            self._refuse_newcomers()
        if now >= self._end_at + _HANDSHAKE_S and not self._closed:
            await self._stop_accepting()
            self._closed = True
        elif self._closed and not self.server_state.connections:
            self.should_exit = True  # each answer closes its connection by now
        elif now >= self._end_at + _HANDSHAKE_S + _IDLE_S:
            self.should_exit = True  # those left over are idle
        return await super().on_tick(counter)

    def _refuse_newcomers(self) -> None:
        """Have the kernel begin no connection; of several processes the first one does it."""
        self._refusing = True
        if self._alone:
            for listener in self._listeners:
                refuse_newcomers(listener)

    async def _stop_accepting(self) -> None:
        """Let in all that the kernel has accepted for us, then accept no more.

        Closing a listener resets the connections that still wait in its queue.
        """
        loop = asyncio.get_running_loop()
        for listener, server in zip(self._listeners, self.servers, strict=True):
            with contextlib.suppress(BlockingIOError):
                while True:
                    connection, _ = listener.accept()
                    connection.setblocking(False)
                    await loop.connect_accepted_socket(
                        self._protocol, connection, ssl=self.config.ssl
                    )
            server.close()

    def _protocol(self) -> asyncio.Protocol:
        protocol: asyncio.Protocol = self.config.http_protocol_class(
            config=self.config,  # type: ignore[call-arg]  # uvicorn's protocols take these
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        return protocol


def _config(options: Options, app: ASGIApp, guard: ConnectionGuard) -> uvicorn.Config:
    # h11 is stricter than httptools, and the same wherever the package is installed.
    protocol: Any = partial(GuardedProtocol, guard)
    return uvicorn.Config(
        app,
        host=options.host,
        port=options.port,
        http=protocol,
        h11_max_incomplete_event_size=_HEAD_BYTES,
        proxy_headers=bool(options.trusted_proxies),
        forwarded_allow_ips=list(options.trusted_proxies),
        root_path=options.root_path,
        access_log=False,
        log_config=None,
        lifespan="on",
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=int(options.serve.deadline_s) + _GRACE_S,
        backlog=_ACCEPTED_AT_ONCE,
        ssl_certfile=options.certificate,
        ssl_keyfile=options.certificate_key,
    )


def _refuse_unauthenticated_bind(options: Options) -> None:
    """Refuse to be reachable from elsewhere without a key."""
    keys = KeyFile(Place().keys).read()
    if any(key.revoked is None for key in keys):
        return
    if not options.is_loopback:
        raise ServiceError(
            f"Refusing to bind to {options.host} without API keys: anybody could use the server. "
            "Make one: blemish keys add NAME. Or bind to this host alone: --host 127.0.0.1"
        )
    if options.is_behind_proxy:
        raise ServiceError(
            "Refusing to serve behind a proxy without API keys: anybody whom the proxy lets "
            "through could use the server. Make one: blemish keys add NAME"
        )
