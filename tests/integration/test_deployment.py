"""The container and compose files: sound by themselves, and their commands run as processes."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy
import yaml
from click.testing import CliRunner
from faulty_images import encode
from integration import postgresql
from integration.server.rig import Shelf
from integration.server.tiny_models import tiny_model

from blemish.cli import program
from blemish.config.serve import Serve
from blemish.inference import golden_image

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def instructions() -> list[tuple[str, str]]:
    """The instructions of the container file: word and arguments, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", DOCKERFILE)
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def test_the_image_runs_as_nobody_special() -> None:
    """The last stage is slim, drops root by number, and says how its health is seen."""
    words = [word for word, _ in instructions()]
    last = len(words) - 1 - words[::-1].index("FROM")
    stage = dict(instructions()[last:])
    assert stage["FROM"].startswith("python:3.11-slim")
    assert stage["USER"].isdigit()
    assert int(stage["USER"]) > 0
    assert "/readyz" in stage["HEALTHCHECK"]
    assert "VOLUME" in stage


def test_what_the_image_copies_is_there() -> None:
    """Every source of COPY exists and is let through by the ignore file."""
    let_through = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text().splitlines()
    for word, rest in instructions():
        if word != "COPY" or "--from" in rest:
            continue
        *sources, _ = rest.split()
        for source in sources:
            assert (ROOT / source).exists(), source
            assert f"!{source.rstrip('/')}" in let_through


@pytest.mark.parametrize("lock", ["serve", "run"])
def test_no_torch_in_the_image(lock: str) -> None:
    """The locks that images are built from hold no torch, and pin every package by hash."""
    text = (ROOT / "deploy" / "locks" / f"{lock}.txt").read_text()
    names = re.findall(r"^([a-z0-9._-]+)==", text, re.MULTILINE)
    assert "torch" not in names
    assert {"onnxruntime", "fastapi", "mlflow", "psycopg"} <= set(names)
    assert text.count("--hash=sha256:") >= len(names)


def test_commands_are_known() -> None:
    """What the container and compose files run is accepted by the program itself."""
    stage = dict(instructions())
    assert stage["ENTRYPOINT"] == '["blemish"]'
    commands = [yaml.safe_load(stage["CMD"])]
    commands += [SERVICES[name]["command"] for name in ("api", "dashboard")]
    commands += [["keys", "add", "--help"]]
    for command in commands:
        result = CliRunner().invoke(program, [*command, "--help"])
        assert result.exit_code == 0, (command, result.output)


def test_services_are_hardened() -> None:
    """Only loopback ports are published, services drop all rights, passwords have no default."""
    for name, service in SERVICES.items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
        if name != "database":
            assert service["read_only"] is True
            assert service["cap_drop"] == ["ALL"]
        text = str(service.get("environment", "")) + str(service.get("command", ""))
        for value in re.findall(r"\$\{(\w+)([^}]*)\}", text):
            assert value[0] in {"POSTGRES_PASSWORD", "BLEMISH_API_KEY"}
    for name in ("api", "dashboard"):
        for other in SERVICES[name]["depends_on"]:
            assert "healthcheck" in SERVICES[other]


def test_a_stop_waits_for_the_drain() -> None:
    """Compose waits longer for the API than it needs to finish what it accepted."""
    serve = Serve()
    grace = int(SERVICES["api"]["stop_grace_period"].removesuffix("s"))
    assert grace > serve.drain_s + serve.deadline_s


def test_defaults_are_those_of_the_params() -> None:
    """A server without a checkout is run as one with the params as they come."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    assert Serve() == Serve.model_validate(params["serve"])


@pytest.mark.parametrize(
    ("ends", "status"), [("ctrl-c", 0), ("api", 1)], ids=["by Ctrl-C", "by a service that ends"]
)
def test_all_services_end_together(tmp_path: Path, ends: str, status: int) -> None:
    """``make up`` ends all three by Ctrl-C, as it is meant to, and when one ends, as a fault."""
    service = tmp_path / ".venv" / "bin" / "blemish"
    service.parent.mkdir(parents=True)
    service.write_text('#!/bin/sh\necho $$ > "$1".pid\nexec sleep 60\n')
    service.chmod(0o755)
    # A shell cannot trap a signal that was ignored when it began, as where tests run behind an `&`.
    ignored = signal.signal(signal.SIGINT, signal.default_int_handler)
    up = subprocess.Popen(["sh", ROOT / "deploy" / "up"], cwd=tmp_path, start_new_session=True)
    signal.signal(signal.SIGINT, ignored)
    try:
        files = [tmp_path / f"{name}.pid" for name in ("ui", "serve", "dashboard")]
        pids = [int(_wait_for_text(file)) for file in files]
        if ends == "ctrl-c":
            os.killpg(up.pid, signal.SIGINT)
        else:
            os.kill(pids[1], signal.SIGTERM)
        assert up.wait(30) == status
        assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(up.pid, signal.SIGKILL)


def _wait_for_text(file: Path, seconds: float = 30) -> str:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(FileNotFoundError):
            if text := file.read_text().strip():
                return text
        time.sleep(0.05)
    raise AssertionError(file)


@contextmanager
def process(command: list[str], **environment: str) -> Iterator[None]:
    """Run a service of the compose file until the block ends."""
    started = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(started.pid, 15)
        started.wait(30)


def wait(url: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(httpx.TransportError):
            if httpx.get(url).status_code == 200:
                return
        time.sleep(0.2)
    raise AssertionError(url)


@pytest.mark.slow
@pytest.mark.skipif(not postgresql.find_programs(), reason="PostgreSQL is not installed here")
def test_the_commands_work_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow on a real PostgreSQL, the API on both: a promotion made there is served and logged."""
    monkeypatch.setenv("BLEMISH_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "postgresql"
    folder.mkdir()
    port, api_port = _free_port(), _free_port()
    with postgresql.running(folder) as url:
        base = url.rpartition("/")[0]
        engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text("CREATE DATABASE mlflow"))
            for statement in (ROOT / "deploy" / "databases.sql").read_text().split(";"):
                if "CREATE" in statement:
                    connection.execute(sqlalchemy.text(statement))
        engine.dispose()
        command = [_here(word, base, port, tmp_path) for word in SERVICES["mlflow"]["command"]]
        with process([sys.executable, "-m", *SERVICES["mlflow"]["entrypoint"], *command]):
            uri = f"http://127.0.0.1:{port}"
            wait(f"{uri}/health")
            shelf = Shelf(tmp_path / "shelf", uri=uri)
            shelf.add(tiny_model())
            shelf.point("champion", 1)
            places = {
                "MLFLOW_TRACKING_URI": uri,
                "BLEMISH_LOG_URL": f"{base}/predictions",
                "BLEMISH_KEYS_FILE": str(tmp_path / "keys.json"),
                "BLEMISH_LOG_IMAGES": str(tmp_path / "pictures"),
            }
            program_here = [sys.executable, "-m", "blemish"]
            key = subprocess.run(
                [*program_here, *shlex.split("keys add line-1")],
                env={**os.environ, **places},
                capture_output=True,
                text=True,
                check=True,
            ).stdout.strip()
            serve = [*program_here, *SERVICES["api"]["command"], "--port", str(api_port)]
            with process(serve, **places):
                api = f"http://127.0.0.1:{api_port}"
                wait(f"{api}/readyz")
                _check_answer(api, key, f"{base}/predictions")


def _check_answer(api: str, key: str, log_url: str) -> None:
    response = httpx.post(
        f"{api}/v1/predict",
        content=encode(golden_image(256)),
        headers={"authorization": f"Bearer {key}"},
    )
    assert response.status_code == 200
    assert response.json()["model"]["version"] == 1
    engine = sqlalchemy.create_engine(log_url)
    end = time.monotonic() + 15
    found = None
    while found is None and time.monotonic() < end:
        time.sleep(0.2)
        with suppress(sqlalchemy.exc.ProgrammingError), engine.connect() as connection:
            found = connection.execute(
                sqlalchemy.text("SELECT status FROM predictions WHERE request_id = :id"),
                {"id": response.headers["x-request-id"]},
            ).scalar()
    engine.dispose()
    assert found == 200


def _here(word: str, base: str, port: int, folder: Path) -> str:
    """Put this host's places for those of the compose file."""
    word = re.sub(r"postgresql\+psycopg://[^/]+", base, word)
    word = word.replace("/var/lib/blemish", str(folder / "mlflow"))
    return word.replace("0.0.0.0", "127.0.0.1").replace("5000", str(port))


def _free_port() -> int:
    return postgresql._free_port()
