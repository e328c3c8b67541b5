"""From where a request may come: the names this server answers to, and the pages that may ask.

A page in a person's browser reaches loopback too. It cannot choose the Host of its requests unless
its own name was made to point here, and it cannot hide its Origin. Starlette's
``TrustedHostMiddleware`` answers in plain text, and knows no names of loopback.
"""

from collections.abc import Collection, Mapping

from starlette.types import Scope

from blemish.config.addresses import host_name, is_known_host
from blemish.problem_kinds import ProblemKind
from blemish.server.problems import ProblemError


def check_origin(scope: Scope, headers: Mapping[bytes, bytes], allowed: Collection[str]) -> None:
    """Refuse a request by a name that is not ours, or by the page of another origin.

    Args:
        scope: ASGI scope of the request.
        headers: Headers of the request, by lower-case name.
        allowed: Names beside the bound address and those of loopback.

    Raises:
        ProblemError: It is refused.
    """
    host = headers.get(b"host", b"").decode("latin-1").lower()
    bound = (scope.get("server") or ("",))[0]
    if host and not is_known_host(host, bound, allowed):
        raise ProblemError(
            ProblemKind.HOST,
            f"This server does not answer to the name {host_name(host)[:80]!r}. Accepted: its "
            "address, the names of this host, and what blemish serve --allowed-host NAME adds.",
        )
    origin = headers.get(b"origin")
    if origin is None:
        return
    page = origin.decode("latin-1").lower().partition("://")[2]
    if page and (page == host or host_name(page) in allowed):
        return
    raise ProblemError(
        ProblemKind.ORIGIN,
        f"Pages of {origin.decode('latin-1')[:80]!r} may not use this server. Accepted: its own, "
        "and those of what blemish serve --allowed-host NAME adds.",
    )
