"""The outermost handler of HTTP: whatever comes is counted, logged with an id, and answered."""

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import httpx
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from blemish.server import admission
from blemish.server.admission import Admission
from blemish.server.api_keys import KeyFile, KeyRing
from blemish.server.options import Options
from blemish.server.request_bodies import BodyReader
from blemish.server.server_metrics import ServerMetrics
from blemish.server.service import Drain, Service
from blemish.server.traces import Traces


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """The parts of a service that admission needs."""
    parts = SimpleNamespace(
        options=Options(),
        keys=KeyRing(KeyFile(tmp_path / "keys.json")),
        metrics=ServerMetrics(),
        bodies=BodyReader(1, 5),
        traces=Traces(None),
        drain=Drain(),
    )
    return cast("Service", parts)


def ask(app: ASGIApp, **headers: str) -> httpx.Response:
    async def call() -> httpx.Response:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get("/v1/models", headers=headers)

    return asyncio.run(call())


def test_what_nobody_expected_is_a_problem_with_an_id(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours is problem+json that tells nothing of it; log and counter have it."""

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive, send
        raise RuntimeError("the secret reason")

    with capture_logs(processors=[merge_contextvars]) as lines:
        monkeypatch.setattr(admission, "_log", admission.structlog.get_logger("test"))
        response = ask(Admission(broken, service), **{"x-request-id": "wanted-id"})
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    problem = json.loads(response.content)
    assert problem["type"].endswith(":internal")
    assert "wanted-id" in problem["instance"]
    assert "secret" not in response.text
    failed = next(line for line in lines if line["event"] == "request_failed")
    assert failed["request_id"] == "wanted-id"
    assert 'blemish_problems_total{type="internal"} 1.0' in service.metrics.render().decode()


def test_a_fault_after_the_answer_began_is_counted(service: Service) -> None:
    """An answer that has begun is not answered twice."""

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/v1/models", "headers": []}
    asyncio.run(Admission(broken, service)(scope, cast("Receive", None), send))
    assert [message["type"] for message in sent] == ["http.response.start"]
    assert 'blemish_problems_total{type="internal"} 1.0' in service.metrics.render().decode()
