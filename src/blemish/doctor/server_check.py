"""The check of a running server: what it says of itself that no look at store or checkout shows."""

from collections.abc import Iterator, Mapping
from typing import Any

from blemish.config import settings
from blemish.doctor.findings import Examined, Finding
from blemish.readiness_client import ask_readiness

_PATIENCE_S = 2.0
_LOG = "read the log of the server, which names each"


def server(examined: Examined) -> Iterator[Finding]:
    """Ask the server that ``BLEMISH_API_URL`` names; where none answers, nothing is wrong."""
    del examined
    url = settings().api_url.rstrip("/")
    answer = ask_readiness(url, _PATIENCE_S) or {}
    fault, log, registry = (_member(answer, name) for name in ("fault", "log", "registry"))
    if reason := fault.get("reason"):
        yield Finding(
            f"The server at {url} does not serve the champion: {reason}", "blemish history"
        )
    if log.get("fault"):
        yield Finding(f"The prediction log of the server at {url}: {log['fault']}", _LOG)
    if registry.get("error"):
        problem = f"The server at {url} gets no answer from the registry: {registry['error']}"
        yield Finding(problem, "start the store that it was started with")
    if answer.get("keys"):
        yield Finding(f"The server at {url} accepts no key: {answer['keys']}", "blemish keys list")
    threads = _member(answer, "background").values()
    failures = sum(int(one.get("failures", 0)) for one in threads if isinstance(one, Mapping))
    if failures:
        yield Finding(f"Threads of the server at {url} failed {failures} times and went on", _LOG)


def _member(answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = answer.get(name)
    return found if isinstance(found, Mapping) else {}
