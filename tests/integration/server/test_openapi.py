"""Schemathesis over the OpenAPI document: what it generates finds nothing."""

import os
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


def test_the_page_fetches_nothing(server: Server) -> None:
    """/docs names every address, and refers to nothing but the server itself."""
    page = server.client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    for path in server.client.get("/openapi.json").json()["paths"]:
        assert path in page.text
    assert "<script" not in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text
