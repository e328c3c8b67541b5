"""A throwaway PostgreSQL from the system's packages, as a user who may run one."""

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PROGRAMS = ("initdb", "postgres", "pg_isready")


def find_programs() -> Path | None:
    """Return the folder with ``initdb`` and ``postgres``; None where it is not installed."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((f for f in folders if all((f / name).is_file() for name in _PROGRAMS)), None)


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Run a server whose files lie in ``folder``; yield its URL."""
    programs = find_programs()
    assert programs is not None
    user = _unprivileged()
    if user is not None:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        for parent in folder.parents:
            if parent.stat().st_uid == 0 and not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o011)
    data, port = folder / "data", _free_port()
    subprocess.run(
        [
            programs / "initdb",
            "-D",
            data,
            "-A",
            "trust",
            "-U",
            "blemish",
            "-E",
            "UTF8",
            "--no-sync",
        ],
        check=True,
        capture_output=True,
        user=user,
        cwd=folder,
    )
    server = subprocess.Popen(
        [programs / "postgres", "-D", data, "-k", folder, "-h", "127.0.0.1", "-p", str(port), "-F"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=user,
        cwd=folder,
    )
    try:
        _wait(programs, port)
        yield f"postgresql+psycopg://blemish@127.0.0.1:{port}/postgres"
    finally:
        server.terminate()
        server.wait(20)


def _unprivileged() -> str | None:
    """Return a user to run as, since PostgreSQL refuses root; None where we are not root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait(programs: Path, port: int) -> None:
    ready = [programs / "pg_isready", "-h", "127.0.0.1", "-p", str(port), "-q"]
    for _ in range(100):
        if subprocess.run(ready, check=False).returncode == 0:
            return
        time.sleep(0.1)
    raise TimeoutError("PostgreSQL did not come up within 10 s.")
