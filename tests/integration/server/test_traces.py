"""OpenTelemetry: spans reach a collector, and a dead collector costs nothing."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from integration.server.rig import Shelf, serving
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


def test_spans_reach_the_collector(shelf: Shelf, tmp_path: Path, image: bytes) -> None:
    """A request makes one span under its client's, its phases below it, named as in its answer.

    What the header of an answer says about sampling is what happens.
    """
    received: list[ExportTraceServiceRequest] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    trace, client = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as collector:
        thread = threading.Thread(target=collector.serve_forever)
        thread.start()
        endpoint = f"http://127.0.0.1:{collector.server_address[1]}"
        with serving(tmp_path, shelf.uri, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint) as server:
            headers = {"traceparent": f"00-{trace}-{client}-01"}
            response = server.client.post("/v1/predict", content=image, headers=headers)
            unsampled = {"traceparent": f"00-{'1' * 32}-{client}-00"}
            silent = server.client.post("/v1/predict", content=image, headers=unsampled)
            begun = server.client.get("/v1/models")
            assert server.stop() == 0
        collector.shutdown()
        thread.join()
    spans = [
        span
        for request in received
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
        if span.trace_id.hex() == trace
    ]
    by_name = {span.name: span for span in spans}
    answers = (response, silent, begun)
    flags = [int(answer.headers["traceparent"].split("-")[3], 16) for answer in answers]
    assert [flag & 1 for flag in flags] == [1, 0, 1]
    kept = {
        span.trace_id.hex()
        for request in received
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }
    assert kept == {trace, begun.headers["traceparent"].split("-")[1]}
    root = by_name["POST /v1/predict"]
    attributes = {item.key for item in root.attributes}
    assert attributes >= {"http.route", "http.request.method", "blemish.version"}
    assert root.parent_span_id.hex() == client
    assert root.span_id.hex() == response.headers["traceparent"].split("-")[2]
    for phase in ("decode", "infer", "post"):
        assert by_name[phase].parent_span_id == root.span_id


def test_a_dead_collector_costs_nothing(shelf: Shelf, tmp_path: Path, image: bytes) -> None:
    """Without a collector at the address every answer comes as fast as ever."""
    with serving(tmp_path, shelf.uri, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9") as server:
        for _ in range(10):
            begin = time.monotonic()
            assert server.predict(image).status_code == 200
            assert time.monotonic() - begin < 1.0
