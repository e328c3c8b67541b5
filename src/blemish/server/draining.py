"""The end of a serving process: it accepts a while longer, then finishes what it has.

uvicorn closes its listeners at once on SIGTERM, and closing one resets the connections that wait
in its queue (Linux). This needs of uvicorn 0.54 what is not documented: ``on_tick``, ``servers``,
``server_state`` and the arguments of its protocols.
"""

import asyncio
import contextlib
import signal
import socket
import time
from types import FrameType

import uvicorn

from blemish.server.connections import ConnectionGuard
from blemish.server.listening_socket import BACKLOG, refuse_newcomers
from blemish.server.options import Options
from blemish.server.service import Drain

_IDLE_S = 5.0
_HANDSHAKE_S = 1.0
"""Within which a connection that was begun before the end of the drain is made."""


class DrainingServer(uvicorn.Server):
    """On SIGTERM says so in ``/readyz``, accepts a while longer, then finishes what it has.

    Args:
        config: uvicorn's configuration.
        drain: Shared with the application.
        options: Say how long to drain, and how many processes share the listener.
        guard: Closes connections that stay silent.
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
