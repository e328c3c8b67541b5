"""How a server is run: limits and addresses."""

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from blemish.config.addresses import is_loopback
from blemish.config.serve import Serve


class Options(BaseModel):
    """What the command line and ``params.yaml`` say; frozen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    shadow: str | None = None
    """Alias or version that sees a copy of some requests."""
    certificate: Path | None = None
    certificate_key: Path | None = None
    allowed_hosts: tuple[str, ...] = ()
    """Names beside its own address to which the server answers."""
    root_path: str = ""
    """Path prefix under which a proxy shows the server."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses whose forwarded headers are believed."""
    serve: Serve = Serve()

    @property
    def is_loopback(self) -> bool:
        """Whether only this host can reach the server."""
        return is_loopback(self.host)

    @property
    def is_behind_proxy(self) -> bool:
        """Whether a proxy brings requests of others to an address of loopback."""
        return bool(self.root_path or self.trusted_proxies)

    @property
    def parallel(self) -> int:
        """Requests worked on at once in one process."""
        return self.serve.parallel or available_cores()


def available_cores() -> int:
    """Return how many cores this process may use, a container's CPU set considered."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
