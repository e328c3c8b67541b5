"""Who may show the dashboard: browsers that call it by its own name, and no page of others.

A page of another origin that framed it could have a person click on "Promote" unseen.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from blemish.config import settings
from blemish.config.addresses import host_name, is_known_host

_HEALTH = "/_stcore/health"
_UNFRAMED = [
    (b"content-security-policy", b"frame-ancestors 'self'"),
    (b"x-frame-options", b"SAMEORIGIN"),
]


class PageGuard:
    """Wraps Streamlit's application.

    Args:
        app: What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        names = settings().dashboard_hosts.lower().split(",")
        self._allowed = frozenset(name.strip() for name in names if name.strip())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request by a name that is not ours, and forbid others to frame the answer."""
        if scope["type"] not in ("http", "websocket") or scope["path"] == _HEALTH:
            await self._app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_UNFRAMED]
            await send(message)

        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        bound = (scope.get("server") or ("",))[0]
        if is_known_host(host, bound, self._allowed):
            await self._app(scope, receive, answer)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._refuse(host, answer)

    async def _refuse(self, host: str, send: Send) -> None:
        text = (
            f"This dashboard does not answer to the name {host_name(host)[:80]!r}. Accepted: its "
            "address, the names of this host, and what blemish dashboard --allowed-host NAME adds."
        )
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        await send({"type": "http.response.start", "status": 421, "headers": headers})
        await send({"type": "http.response.body", "body": text.encode()})
