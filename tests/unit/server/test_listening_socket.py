"""The end of a listening socket: what was begun is completed, what is new is not."""

import socket
import sys
from collections.abc import Iterator

import pytest

from blemish.server.listening_socket import refuse_newcomers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="socket filters are of Linux")


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.settimeout(5)
        yield made


def test_a_connection_in_its_handshake_is_completed(listener: socket.socket) -> None:
    """A client that is connected by its own account, but not yet by ours, keeps its request."""
    with socket.socket() as client:
        # Its acknowledgement, the last packet of the handshake, waits for the first data.
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        client.connect(listener.getsockname())
        refuse_newcomers(listener)
        client.sendall(b"request")
        connection, _ = listener.accept()
        with connection:
            listener.close()
            assert connection.recv(7) == b"request"
            connection.sendall(b"answer")
            assert client.recv(6) == b"answer"


def test_a_newcomer_is_not_connected(listener: socket.socket) -> None:
    """Nobody gets a connection that the closing of the listener would reset."""
    refuse_newcomers(listener)
    with socket.socket() as client:
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.connect(listener.getsockname())
