"""Starts uvicorn: one process or several, TLS."""

import os
import socket
import ssl
import sys
import tempfile
from functools import partial
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from blemish.config import settings
from blemish.errors import ServiceError
from blemish.memory import limit_arenas
from blemish.processes import die_with_parent
from blemish.server.api_keys import KeyFile, keys_path
from blemish.server.connections import ConnectionGuard, GuardedProtocol, connection_capacity
from blemish.server.draining import DrainingServer
from blemish.server.listening_socket import listen
from blemish.server.log_lines import configure_log
from blemish.server.options import Options
from blemish.server.server_metrics import MULTIPROCESS
from blemish.server.service import Drain
from blemish.server.workers import Workers

_ACCEPTED_AT_ONCE = 16
_HEAD_BYTES = 16 * 1024
_KEEP_ALIVE_S = 75
_GRACE_S = 5
_SWITCH_S = 0.0005
"""After which a thread gives the interpreter to one that waits, seconds; Python's own is ten times
that, which the event loop would wait at each of the dozen turns that one request takes."""


def serve(options: Options) -> None:
    """Serve until told to end.

    Raises:
        ServiceError: The address is taken, or is not loopback and there is no key.
    """
    configure_log(settings().log_level)
    os.umask(0o077)  # the log, its images and all else of ours are their owner's alone
    _refuse_unauthenticated_bind(options)
    check_certificate(options)
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
    limit_arenas()  # in each process anew, before its threads begin
    sys.setswitchinterval(_SWITCH_S)
    from blemish.server.application import create_app  # noqa: PLC0415 - not for the supervisor

    drain = Drain()
    guard = ConnectionGuard(connection_capacity())
    config = _config(options, create_app(options, drain), guard)
    DrainingServer(config, drain, options, guard).run(sockets)


def _serve_worker(options: Options, sockets: list[socket.socket]) -> None:
    die_with_parent()
    configure_log(settings().log_level)
    serve_process(options, sockets)


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


def check_certificate(options: Options) -> None:
    """Refuse a certificate that cannot be served, before anything is bound.

    Raises:
        ServiceError: It or its key cannot be read, or they do not belong together.
    """
    if options.certificate is None:
        return
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate, options.certificate_key)
    except OSError as error:  # ssl.SSLError is one
        raise ServiceError(
            f"The certificate {options.certificate} with the key {options.certificate_key} cannot "
            f"be used: {error.strerror or error}. Accepted: a certificate and its own key, PEM."
        ) from error


def _refuse_unauthenticated_bind(options: Options) -> None:
    """Refuse to be reachable from elsewhere without a key."""
    keys = KeyFile(keys_path(settings())).read()
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
