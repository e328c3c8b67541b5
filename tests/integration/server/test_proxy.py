"""The API behind real proxies, by the examples of docs/how-to/proxy.md as they stand there."""

import contextlib
import getpass
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml
from certificates import certificate
from click.testing import CliRunner
from integration.server.rig import Server, Shelf, serving

from blemish.cli import program
from blemish.server.api_keys import KeyFile

ROOT = Path(__file__).resolve().parents[3]
NAME = {"host": "line.example"}
OPTIONS = "--root-path /inspection --allowed-host line.example --trusted-proxy 127.0.0.1"


def example(language: str) -> str:
    """Return the example in a language."""
    page = (ROOT / "docs" / "how-to" / "proxy.md").read_text(encoding="utf-8")
    (found,) = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
    return str(found)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def nginx(folder: Path, api: str, port: int) -> list[str]:
    """Write nginx's configuration around the example; return the command."""
    chain, key = certificate(folder)
    text = example("nginx")
    for documented, here in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "127.0.0.1:8000": api,
        "/etc/ssl/line.example.crt": str(chain),
        "/etc/ssl/line.example.key": str(key),
    }.items():
        assert documented in text
        text = text.replace(documented, here)
    places = [
        f"{kind}_temp_path {folder / kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    ]
    lines = [
        "daemon off; worker_processes 1;",
        f"user {getpass.getuser()};",
        f"pid {folder / 'nginx.pid'};",
    ]
    lines += ["events {}", "http {", "access_log off;", *places, text, "}"]
    file = folder / "nginx.conf"
    file.write_text("\n".join(lines))
    return ["nginx", "-e", str(folder / "nginx.log"), "-p", str(folder), "-c", str(file)]


def traefik(folder: Path, api: str, port: int) -> list[str]:
    """Write the example for Traefik's file provider; return the command."""
    text = example("yaml")
    assert "127.0.0.1:8000" in text
    file = folder / "blemish.yaml"
    file.write_text(text.replace("127.0.0.1:8000", api))
    options = [f"--providers.file.filename={file}", "--global.sendAnonymousUsage=false"]
    options += ["--global.checkNewVersion=false"]
    return ["traefik", f"--entryPoints.websecure.address=127.0.0.1:{port}", *options]


@contextmanager
def proxied(
    write: Callable[[Path, str, int], list[str]], folder: Path, server: Server
) -> Iterator[httpx.Client]:
    """Run a proxy in front of a server; yield a client of the proxy."""
    port = free_port()
    command = write(folder, server.url.removeprefix("http://"), port)
    with (folder / "proxy.out").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        # The certificate is made for the test; what is looked at is behind it.
        url = f"https://127.0.0.1:{port}"
        with httpx.Client(base_url=url, verify=False, headers=NAME, timeout=60) as client:  # noqa: S501
            end = time.monotonic() + 30
            while not _is_up(client):
                assert process.poll() is None, (folder / "proxy.out").read_text()
                assert time.monotonic() < end
                time.sleep(0.05)
            yield client
    finally:
        process.terminate()
        process.wait(20)


def _is_up(client: httpx.Client) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return client.get("/inspection/livez").status_code == 200
    return False


@pytest.mark.parametrize("write", [nginx, traefik])
def test_the_examples_work(
    write: Callable[[Path, str, int], list[str]], shelf: Shelf, tmp_path: Path, image: bytes
) -> None:
    """Through the documented proxy calls arrive under the prefix, with keys, limits and pages."""
    if shutil.which(write.__name__) is None:
        pytest.skip(f"{write.__name__} is not installed")
    token = {"authorization": f"Bearer {KeyFile(tmp_path / 'keys.json').add('line')}"}
    limits = {"megabytes": 1}
    with (
        serving(tmp_path, shelf.uri, *OPTIONS.split(), serve=limits) as server,
        proxied(write, tmp_path, server) as client,
    ):
        assert client.get("/inspection/readyz").status_code == 200
        assert client.get("/readyz").is_client_error  # of the proxy itself
        forged = {"x-forwarded-for": "127.0.0.1"}
        for path in ("/inspection/metrics", "/inspection/v1/models"):
            assert client.get(path, headers=forged).status_code == 401
            assert client.get(path, headers=token).status_code == 200
        through = client.post("/inspection/v1/predict", content=image, headers=token)
        direct = server.client.post("/v1/predict", content=image, headers=token | NAME)
        assert through.json()["defects"] == direct.json()["defects"]
        large = client.post("/inspection/v1/predict", content=bytes(1_200_000), headers=token)
        assert (large.status_code, large.json()["status"]) == (413, 413)
        stranger = client.get("/inspection/v1/models", headers={"host": "other.example", **token})
        assert stranger.status_code in {404, 421}
        page = client.get("/inspection/docs", headers=token).text
        linked = re.findall(r"[\"'](/inspection/[^\"']+)[\"']", page)
        assert "/inspection/openapi.json" in linked
        for path in linked:
            assert client.get(path, headers=token).status_code == 200, path


def test_the_examples_name_what_the_command_names() -> None:
    """Prefix, name and address of both examples are those of the documented command."""
    routers = yaml.safe_load(example("yaml"))["http"]
    assert routers["middlewares"]["inspection"]["stripPrefix"]["prefixes"] == ["/inspection"]
    assert "`line.example`" in routers["routers"]["blemish"]["rule"]
    assert OPTIONS in (ROOT / "docs" / "how-to" / "proxy.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--trusted-proxy", "10.0.0.5/24", "has host bits set"),
        ("--trusted-proxy", "proxy.example", "neither an address nor a network"),
        ("--trusted-proxy", "*", "neither an address nor a network"),
        ("--root-path", "inspection", "a slash and a name"),
        ("--root-path", "/a//b", "a slash and a name"),
        ("--root-path", "/a?b", "a slash and a name"),
    ],
)
def test_what_is_no_proxy_is_refused(option: str, value: str, sentence: str) -> None:
    """A name, a wrong network or a wrong prefix would be taken for nothing in silence."""
    result = CliRunner().invoke(program, ["serve", option, value])
    assert result.exit_code == 2
    assert sentence in result.output


def test_health_names_no_place_to_those_beyond_loopback(tmp_path: Path) -> None:
    """Behind a proxy /readyz, which wants no key, says that the store is lost and not where."""
    KeyFile(tmp_path / "keys.json").add("line")
    uri = "http://me:pa/ss#w?rd@127.0.0.1:9"
    options = ("--root-path", "/inspection")
    cache = str(tmp_path / "cache")
    with serving(tmp_path, uri, *options, wait_ready=False, BLEMISH_CACHE=cache) as server:
        server.wait(lambda: server.ready()["registry"]["error"] is not None, 20)
        shown = server.client.get("/readyz").text
        assert "does not answer" in shown
        server.wait(lambda: any("127.0.0.1:9" in str(line) for line in server.log))
        logged = str(server.log)
    for secret in ("ss#w", "pa/ss"):
        assert secret not in shown + logged
    for place in ("127.0.0.1:9", "http://", str(tmp_path)):
        assert place not in shown
