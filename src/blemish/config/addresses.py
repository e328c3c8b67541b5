"""Addresses: which are this host's own, and how the file of a database is named by one."""

import ipaddress
from collections.abc import Collection
from pathlib import Path
from urllib.parse import unquote

SQLITE = "sqlite:///"
"""How the address of an SQLite file begins; its path follows, percent-encoded."""


def is_loopback(host: str) -> bool:
    """Say whether an address to bind to, or a peer's, is this host's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_known_host(header: str, bound: str, allowed: Collection[str]) -> bool:
    """Say whether a ``Host`` header names this server.

    A page in a person's browser reaches loopback too, by a name that was made to point here; it
    cannot choose the name that its browser sends.

    Args:
        header: As it came, with or without a port.
        bound: Address of the socket that took the connection.
        allowed: Names beside it and those of loopback, in lower case.
    """
    name = host_name(header)
    return name in allowed or name == bound or is_loopback(name)


def host_name(header: str) -> str:
    """Return a ``Host`` header in lower case, without port and brackets."""
    header = header.lower()
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0]


def sqlite_url(path: Path) -> str:
    """Return the address of an SQLite file; in it ``%``, ``?`` and ``#`` mean something else."""
    quoted = str(path).replace("%", "%25").replace("?", "%3F").replace("#", "%23")
    return f"{SQLITE}{quoted}"


def sqlite_path(url: str) -> Path | None:
    """Return the file that an address names as SQLAlchemy reads it; None for other databases."""
    return Path(unquote(url.removeprefix(SQLITE))) if url.startswith(SQLITE) else None
