"""The listening socket: how it is bound, and how it refuses newcomers at the end."""

import ctypes
import socket
import struct
import sys

import structlog

from blemish.errors import ServiceError
from blemish.server.options import Options

BACKLOG = 2048
"""Connections that may wait to be accepted."""

_SO_ATTACH_FILTER = 26  # of Linux; the socket module has no name for it
_FLAGS = 13  # byte of the TCP header
_SYN, _ACK = 0x02, 0x10
_KEEP_ALL = 0xFFFFFFFF
_DROP_WHAT_BEGINS = (  # classic BPF: operation, jump if true, jump if false, operand
    (0x30, 0, 0, _FLAGS),  # load the byte
    (0x54, 0, 0, _SYN | _ACK),  # and
    (0x15, 0, 1, _SYN),  # equal?
    (0x06, 0, 0, 0),  # yes: keep no byte of the packet
    (0x06, 0, 0, _KEEP_ALL),
)

_log = structlog.get_logger(__name__)


def listen(options: Options) -> socket.socket:
    """Bind to the address of the options and listen there.

    Raises:
        ServiceError: The address is taken or is none of this host's.
    """
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    # Without the protocol's number asyncio leaves Nagle's algorithm on: 40 ms an answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((options.host, options.port))
    except OSError as error:
        listener.close()
        raise ServiceError(
            f"Cannot bind to {options.host} port {options.port}: {error.strerror}. "
            "Name another: blemish serve --port PORT"
        ) from error
    listener.listen(BACKLOG)
    listener.set_inheritable(True)
    scheme = "https" if options.certificate else "http"
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    _log.info("listening", url=f"{scheme}://{shown}:{port}", workers=options.workers)
    return listener


def refuse_newcomers(listener: socket.socket) -> None:
    """Have the kernel drop the first packet of each new connection (Linux; elsewhere nothing).

    Who comes now asks again, and is refused once the listener is closed. A connection that was
    begun before is completed: its client may have sent a request already, while the last packet
    of the handshake is still on its way, and closing the listener would reset it.

    Without the filter ten of ten clients that came last were connected and then reset, so that
    their requests failed; ``tests/unit/server/test_listening_socket.py`` fails without it.
    """
    if sys.platform != "linux":
        return
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in _DROP_WHAT_BEGINS)
    program = ctypes.create_string_buffer(code)
    header = struct.pack("HP", len(_DROP_WHAT_BEGINS), ctypes.addressof(program))
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, header)
