"""Schemathesis over the OpenAPI document: what it generates finds nothing."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from integration.server.rig import Server


@pytest.mark.slow
def test_schemathesis_finds_nothing(server: Server, tmp_path: Path) -> None:
    """Stock checks, examples and fuzzing over every operation end without a finding."""
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            *("--config-file", str(Path(__file__).with_name("schemathesis.toml"))),
            "run",
            f"{server.url}/openapi.json",
            *("--max-examples", "12", "--seed", "1", "--no-color", "--workers", "1"),
            *("--phases", "examples,coverage,fuzzing"),
        ],
        cwd=tmp_path,
        env={**os.environ, "DO_NOT_TRACK": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_page_fetches_nothing_from_elsewhere(server: Server) -> None:
    """/docs shows the OpenAPI document by scripts and styles that the server itself has."""
    page = server.client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    fetched = re.findall(r"""(?:src|href)="([^"]+)"|url: '([^']+)'""", page.text)
    addresses = [first or second for first, second in fetched]
    assert "/openapi.json" in addresses
    assert len(addresses) >= 4
    for address in addresses:
        assert address.startswith("/")
        assert server.client.get(address).status_code == 200


def test_the_document_comes_from_the_models_that_answer(server: Server) -> None:
    """Each answer has the schema of its model, each refusal that of a problem."""
    document = server.client.get("/openapi.json").json()
    responses = document["paths"]["/v1/predict"]["post"]["responses"]
    schema = responses["200"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Prediction"}
    assert set(document["components"]["schemas"]["Prediction"]["required"]) >= {"warnings"}
    assert "application/problem+json" in responses["422"]["content"]
