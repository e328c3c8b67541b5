"""From where a request may come: the names this server answers to, and the pages that may ask.

A page in a person's browser reaches loopback too. It cannot choose the Host of its requests unless
its own name was made to point here, and it cannot hide its Origin.
"""

from collections.abc import Collection, Mapping

from starlette.types import Scope

from blemish.config.addresses import is_loopback
from blemish.server.problems import ProblemError


def check_origin(scope: Scope, headers: Mapping[bytes, bytes], allowed: Collection[str]) -> None:
    """Refuse a request by a name that is not ours, or by the page of another origin.

    Args:
        scope: Of the request.
        headers: By lower-case name.
        allowed: Names beside the bound address and those of loopback.

    Raises:
        ProblemError: It is refused.
    """
    host = headers.get(b"host", b"").decode("latin-1").lower()
    bound = (scope.get("server") or ("",))[0]
    name = _without_port(host)
    if host and name not in allowed and name != bound and not is_loopback(name):
        raise ProblemError(
            "host",
            f"This server does not answer to the name {name[:80]!r}. Accepted: its address, the "
            "names of this host, and what blemish serve --allowed-host NAME adds.",
        )
    origin = headers.get(b"origin")
    if origin is None:
        return
    page = origin.decode("latin-1").lower().partition("://")[2]
    if page and (page == host or _without_port(page) in allowed):
        return
    raise ProblemError(
        "origin",
        f"Pages of {origin.decode('latin-1')[:80]!r} may not use this server. Accepted: its own, "
        "and those of what blemish serve --allowed-host NAME adds.",
    )


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
