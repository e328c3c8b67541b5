"""A SOCKS5 proxy with a password (RFC 1928, RFC 1929) that knows where one server is."""

import select
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_VERSION, _PASSWORD, _CONNECT, _NAME = 5, 2, 1, 3


@contextmanager
def socks_proxy(
    user: bytes, password: bytes, target: int
) -> Iterator[tuple[int, list[tuple[bytes, int]]]]:
    """Run a proxy; yield its port, and the names and ports that it was asked for.

    Args:
        user: Whom it lets in.
        password: By what.
        target: Port on loopback to which every name leads.
    """
    wanted: list[tuple[bytes, int]] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            _, methods = self.rfile.read(2)
            assert _PASSWORD in self.rfile.read(methods)
            self.connection.sendall(bytes([_VERSION, _PASSWORD]))
            self.rfile.read(1)
            shown = [self.rfile.read(self.rfile.read(1)[0]) for _ in range(2)]
            allowed = shown == [user, password]
            self.connection.sendall(bytes([1, not allowed]))
            if allowed:
                self.carry()

        def carry(self) -> None:
            version, command, _, kind = self.rfile.read(4)
            assert (version, command, kind) == (_VERSION, _CONNECT, _NAME)
            name = self.rfile.read(self.rfile.read(1)[0])
            wanted.append((name, int.from_bytes(self.rfile.read(2))))
            with socket.create_connection(("127.0.0.1", target)) as far:
                self.connection.sendall(bytes([_VERSION, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
                ends = {self.connection: far, far: self.connection}
                while True:
                    for end in select.select(list(ends), [], [])[0]:
                        data = end.recv(65536)
                        if not data:
                            return
                        ends[end].sendall(data)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server.server_address[1], wanted
        server.shutdown()
        thread.join()
