"""API keys: who gets in, revocation while serving, limits, and the door that stays shut."""

import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from certificates import certificate
from integration.server.rig import Server, Shelf, raw_request, serving

from blemish.server.api_keys import KeyFile

OPEN = ["/livez", "/readyz", "/v2/health/live", "/v2/health/ready"]
SHUT = ["/v1/models", "/v1/models/1", "/v2", "/v2/models/blemish", "/docs", "/openapi.json", "/no"]


@pytest.fixture(scope="module")
def keyed(shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A server with a key."""
    folder = tmp_path_factory.mktemp("keyed")
    token = KeyFile(folder / "keys.json").add("line-1")
    with serving(folder, shelf.uri) as server:
        yield server, token


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_without_a_key_only_health_is_open(keyed: tuple[Server, str], image: bytes) -> None:
    """Health answers to anybody, everything else is a 401 that says how to get in."""
    server, token = keyed
    for path in OPEN:
        assert server.client.get(path).status_code == 200
    for path in SHUT:
        response = server.client.get(path)
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.json()["type"].endswith(":key")
    assert server.predict(image).status_code == 401
    assert server.client.get("/v1/models", headers=bearer(token)).status_code == 200


def test_metrics_are_open_on_loopback(keyed: tuple[Server, str]) -> None:
    """From this host itself /metrics needs no key."""
    assert keyed[0].client.get("/metrics").status_code == 200


@pytest.mark.parametrize(
    "value", ["Bearer wrong", "Bearer", "Basic YTpi", "", "wrong", "Bearer blm_" + "x" * 9000]
)
def test_wrong_keys_are_refused(keyed: tuple[Server, str], value: str) -> None:
    """A wrong key, or none in the header, is a 401."""
    response = keyed[0].client.get("/v1/models", headers={"authorization": value})
    assert response.status_code == 401


@pytest.mark.parametrize("token", [b"\xc3\xa9\xe2\x82\xac", b"\xff\xfe", "ключ".encode()])
def test_keys_beyond_ascii_are_refused(keyed: tuple[Server, str], token: bytes) -> None:
    """A key that is no ASCII is a 401, not a fault."""
    head = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token
    assert raw_request(keyed[0].url, head + b"\r\n\r\n").startswith(b"HTTP/1.1 401")


def test_a_key_is_revoked_while_serving(keyed: tuple[Server, str]) -> None:
    """A new key works at once, a revoked one no longer; the log names it, and holds no digest."""
    server, token = keyed
    file = KeyFile(server.folder / "keys.json")
    second = file.add("line-2")
    assert server.client.get("/v1/models", headers=bearer(second)).status_code == 200
    refusal = server.client.post("/v1/predict", content=b"nothing", headers=bearer(second))
    assert server.logged("key_name", refusal) == "line-2"
    file.revoke("line-2")
    assert server.client.get("/v1/models", headers=bearer(second)).status_code == 401
    assert server.client.get("/v1/models", headers=bearer(token)).status_code == 200
    assert second not in file.path.read_text()
    assert not any(second in str(line) for line in server.log)


def test_a_corrupt_key_file_lets_nobody_new_in(keyed: tuple[Server, str]) -> None:
    """While the file is corrupt the keys known last go on, and no other."""
    server, token = keyed
    path = server.folder / "keys.json"
    good = path.read_text()
    path.write_text(good[:40])
    assert server.client.get("/v1/models", headers=bearer(token)).status_code == 200
    assert server.client.get("/v1/models").status_code == 401
    path.write_text(good)


def test_a_key_has_its_limit(keyed: tuple[Server, str]) -> None:
    """A key with 5 requests a minute is told 429 at the sixth, and when to come again."""
    server, _ = keyed
    token = KeyFile(server.folder / "keys.json").add("slow", 5)
    statuses = [
        server.client.get("/v1/models", headers=bearer(token)).status_code for _ in range(5)
    ]
    assert statuses == [200] * 5
    response = server.client.get("/v1/models", headers=bearer(token))
    assert response.status_code == 429
    assert 1 <= int(response.headers["retry-after"]) <= 13


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "blemish", *arguments],
        env={**os.environ, "BLEMISH_KEYS_FILE": str(folder / "keys.json")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_no_door_is_open_without_keys(tmp_path: Path) -> None:
    """Binding beyond loopback without a key ends with 1 and names the command."""
    for host in ("0.0.0.0", "::", "192.0.2.1"):
        done = run(tmp_path, "serve", "--host", host, "--port", "0")
        assert done.returncode == 1
        assert "blemish keys add NAME" in done.stderr


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    """A port in use ends with 1 and says so."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        done = run(tmp_path, "serve", "--port", port)
    assert done.returncode == 1
    assert f"port {port}" in done.stderr


def test_keys_on_the_command_line(tmp_path: Path) -> None:
    """Keys are made, listed and revoked; a name is used once at a time."""
    token = run(tmp_path, "keys", "add", "line-1").stdout.strip()
    assert token.startswith("blm_")
    assert run(tmp_path, "keys", "add", "line-1").returncode == 1
    listing = run(tmp_path, "keys", "list", "--json").stdout
    assert '"name": "line-1"' in listing
    assert token not in listing
    assert run(tmp_path, "keys", "revoke", "line-1").returncode == 0
    assert run(tmp_path, "keys", "revoke", "line-1").returncode == 1
    assert "revoked" in run(tmp_path, "keys", "list").stdout


def test_beyond_loopback_with_a_key(shelf: Shelf, tmp_path: Path) -> None:
    """With a key the server binds to every address, and asks for the key."""
    token = KeyFile(tmp_path / "keys.json").add("line-1")
    with serving(tmp_path, shelf.uri, "--host", "0.0.0.0") as server:
        assert server.client.get("/v1/models").status_code == 401
        assert server.client.get("/v1/models", headers=bearer(token)).status_code == 200


def test_tls(shelf: Shelf, tmp_path: Path) -> None:
    """With a certificate the server speaks TLS."""
    chain, key = certificate(tmp_path)
    context = ssl.create_default_context(cafile=str(chain))
    options = ("--ssl-certfile", str(chain), "--ssl-keyfile", str(key))
    with serving(tmp_path, shelf.uri, *options, wait_ready=False, verify=context) as server:
        assert server.url.startswith("https://")
        assert server.client.get("/livez").status_code == 200
