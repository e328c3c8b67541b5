"""Which addresses are this host's own."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Say whether an address to bind to, or a peer's, is this host's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
