"""`wf-server health`: a probe for systemd, containers and scripts."""

from __future__ import annotations

import asyncio
import sys

import click

from wf_proto.client import Client
from wf_proto.credentials import Credentials
from wf_proto.errors import ClientError
from wf_proto.retry import Backoff
from wf_server.cli.options import EXIT_PROBLEM


@click.command()
@click.option(
    "--address",
    envvar="WF_ADDRESS",
    metavar="HOST:PORT|unix:PATH",
    default=None,
    help="The server to ask.  [default: what --listen says]",
)
@click.option("--ca", envvar="WF_CA", metavar="FILE|system", default="", help="The server's authority: TLS.")
@click.option("--service", default="", help="One service by its full name.  [default: the whole server]")
@click.option(
    "--timeout", type=click.FloatRange(min=0.1), default=3.0, show_default=True, help="Seconds to wait."
)
@click.pass_context
def health(context: click.Context, address: str | None, ca: str, service: str, timeout: float) -> None:
    """Asks a running server whether it takes work.

    Exit code: 0 it does; 1 it drains, cannot write its database, or does not answer.
    """
    address = address or str(context.find_root().params["listen"])
    try:
        serves = asyncio.run(_ask(address, ca, service, timeout))
    except ClientError as error:
        click.echo(f"wf-server: {error}", err=True)
        sys.exit(EXIT_PROBLEM)
    click.echo(
        f"{address}: {'serving' if serves else 'not serving: it drains, or cannot write its database'}"
    )
    sys.exit(0 if serves else EXIT_PROBLEM)


async def _ask(address: str, ca: str, service: str, timeout: float) -> bool:
    # Asked once: whoever probes asks again by itself.
    async with Client(
        address, timeout=timeout, backoff=Backoff(tries=1), credentials=Credentials(ca=ca)
    ) as client:
        return await client.is_serving(service)
