"""``blemish serve``: the HTTP API."""

from pathlib import Path

import click

from blemish.cli.network_options import PATH_PREFIX, PROXY


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to bind to.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port to bind to; 0 takes a free one and logs it.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Processes; more than one pays where decoding and drawing fill a core.",
)
@click.option("--shadow", metavar="REF", help="Alias or version that sees a copy of some requests.")
@click.option(
    "--allowed-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    help="Another name that the server answers to; may be given more than once.",
)
@click.option(
    "--root-path",
    type=PATH_PREFIX,
    default="",
    metavar="PREFIX",
    help="Path under which a proxy shows the server.",
)
@click.option(
    "--trusted-proxy",
    "trusted_proxies",
    type=PROXY,
    multiple=True,
    metavar="ADDRESS",
    help="Proxy or network whose X-Forwarded-For and -Proto are believed; may be repeated.",
)
@click.option(
    "--ssl-certfile",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Certificate chain, PEM; serves TLS.",
)
@click.option(
    "--ssl-keyfile",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Key of the certificate, PEM.",
)
def serve(
    host: str,
    port: int,
    *,
    workers: int,
    shadow: str | None,
    allowed_hosts: tuple[str, ...],
    root_path: str,
    trusted_proxies: tuple[str, ...],
    ssl_certfile: Path | None,
    ssl_keyfile: Path | None,
) -> None:
    """Answer over HTTP from the version that the registry calls champion.

    Limits and deadlines: the serve block of params.yaml. Binding beyond loopback and serving
    behind a proxy need API keys: blemish keys add NAME.
    """
    if (ssl_certfile is None) != (ssl_keyfile is None):
        raise click.UsageError("--ssl-certfile and --ssl-keyfile go together.")
    from blemish.config.checkout_params import serve_params
    from blemish.server.options import Options
    from blemish.server.run import serve as run

    run(
        Options(
            host=host,
            port=port,
            workers=workers,
            shadow=shadow,
            allowed_hosts=tuple(name.lower() for name in allowed_hosts),
            root_path=root_path,
            trusted_proxies=trusted_proxies,
            certificate=ssl_certfile,
            certificate_key=ssl_keyfile,
            serve=serve_params(),
        )
    )
