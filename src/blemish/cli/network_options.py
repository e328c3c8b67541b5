"""Types of options that name paths, addresses and networks."""

import ipaddress
import re

import click

_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+/?")


class PathPrefix(click.ParamType[str]):
    """A path such as ``/inspection``; without a slash at its end."""

    name = "prefix"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the prefix; empty for none."""
        if value.strip("/") and not _PREFIX.fullmatch(value):
            self.fail(
                f"{value!r} is no prefix of a path. Accepted: a slash and a name, such as "
                "/inspection or /line/2.",
                param,
                ctx,
            )
        return value.rstrip("/")


class Proxy(click.ParamType[str]):
    """An IP address or a network of them."""

    name = "address"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the address or network as it is given."""
        try:
            ipaddress.ip_network(value)
        except ValueError as error:
            self.fail(
                f"{value!r} is neither an address nor a network: {error}. Accepted: such as "
                "127.0.0.1, fd00::7 or 10.1.0.0/16.",
                param,
                ctx,
            )
        return value


PATH_PREFIX = PathPrefix()
PROXY = Proxy()
