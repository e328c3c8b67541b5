"""What Prometheus reads: one view, whether one process serves or several."""

import os
from typing import Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
_LATENCY_BUCKETS = (
    0.001, 0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.25,
    0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
)  # fmt: skip
_Mode = Literal["livesum", "livemax", "livemin"]


class ServerMetrics:
    """The counters of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        if MULTIPROCESS not in os.environ:
            ProcessCollector(registry=self.registry)
        self.requests = self._counter(
            "blemish_requests", "Requests answered.", ("method", "route", "status")
        )
        self.problems = self._counter("blemish_problems", "Requests refused, by type.", ("type",))
        self.latency = Histogram(
            "blemish_latency_seconds",
            "Time spent on a prediction, by phase.",
            ("phase",),
            buckets=_LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.whole = Histogram(
            "blemish_request_seconds",
            "From a request's head to the end of its answer: body, queue and work, by route.",
            ("route",),
            buckets=_LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.images = self._counter("blemish_images", "Images predicted.", ("version",))
        self.defective = self._counter(
            "blemish_defective_images", "Images in which a defect was found.", ("version",)
        )
        self.in_work = self._gauge("blemish_requests_in_work", "Being worked on.", "livesum")
        self.waiting = self._gauge("blemish_requests_waiting", "In the queue.", "livesum")
        self.version = self._gauge(
            "blemish_model_version", "Version of the champion that is served.", "livemin"
        )
        self.swaps = self._counter("blemish_model_swaps", "Versions taken into use.")
        self.faults = self._counter("blemish_model_faults", "Champions that were not taken.")
        self.broken = self._gauge(
            "blemish_model_fault", "1 while the registry's champion is not served.", "livemax"
        )
        self.stale = self._gauge(
            "blemish_registry_stale_seconds", "Since the registry last answered.", "livemax"
        )
        self.lost = self._gauge(
            "blemish_log_lost_records", "Predictions that the log could not take.", "livesum"
        )
        self.shadowed = self._counter(
            "blemish_shadow_images", "Images that the challenger saw.", ("outcome",)
        )
        self.disagreement = Histogram(
            "blemish_shadow_disagreement",
            "Share of the pixels on which challenger and champion differ.",
            buckets=(0.0, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0),
            registry=self.registry,
        )

    def render(self) -> bytes:
        """Return all metrics, of all processes, as Prometheus text."""
        if MULTIPROCESS not in os.environ:
            return generate_latest(self.registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)

    def _counter(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, mode: _Mode) -> Gauge:
        return Gauge(name, text, registry=self.registry, multiprocess_mode=mode)
