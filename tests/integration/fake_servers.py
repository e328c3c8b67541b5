"""Things that listen where an MLflow server should, and are none."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FakeServer = AbstractContextManager[str]


@contextmanager
def answering(status: int, kind: str, body: bytes) -> Iterator[str]:
    """Answer every request with the same thing."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the name that http.server looks for

        def log_message(self, *args: object) -> None:
            """Keep quiet."""

    yield from _serve(ThreadingHTTPServer(("127.0.0.1", 0), Handler))


@contextmanager
def receiving() -> Iterator[tuple[str, list[tuple[Message, bytes]]]]:
    """Take every post, and hand over the headers and bodies that came."""
    received: list[tuple[Message, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.headers, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Keep quiet."""

    for url in _serve(ThreadingHTTPServer(("127.0.0.1", 0), Handler)):
        yield url, received


@contextmanager
def hanging() -> Iterator[str]:
    """Accept connections and never answer."""
    over = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            over.wait(30)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    try:
        yield from _serve(server)
    finally:
        over.set()


def _serve(server: socketserver.TCPServer) -> Iterator[str]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield "http://{}:{}".format(*server.server_address[:2])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
