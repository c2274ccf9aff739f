"""`wf-server operator`: who may call, and what they may do."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from wf_server.cli.options import chosen_database, database_option, fail
from wf_server.clock import SystemClock
from wf_server.errors import InvalidRequest, WfError
from wf_server.model.caller import Grant, parse_grant, spell_grants
from wf_server.store import Store
from wf_server.store.operators import OperatorTable, TokenRecord
from wf_server.units import parse_duration
from wf_server.wording import utc

NAME_LIMIT = 200


def _read_grants(
    context: click.Context, parameter: click.Parameter, given: tuple[str, ...]
) -> tuple[Grant, ...]:
    try:
        return tuple(parse_grant(text) for text in given)
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from None


def _read_seconds(context: click.Context, parameter: click.Parameter, given: str) -> float:
    try:
        seconds = parse_duration(given)
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from None
    if seconds <= 0:
        raise click.BadParameter("must be longer than nothing", context, parameter)
    return seconds


@click.group()
def operator() -> None:
    """Adds, lists and revokes operators and their tokens.

    It works beside a running server, which takes a change within a second, and ends the streams of
    whoever was revoked. Operators are asked for where server.toml has `[access] required = true`.
    """


@operator.command()
@click.argument("name")
@click.option(
    "--role",
    "grants",
    multiple=True,
    callback=_read_grants,
    metavar="ROLE[:TYPE]",
    help="viewer, operator, approver or admin; of one workflow type, where that is named.",
)
@click.option(
    "--expires", default="90d", show_default=True, callback=_read_seconds, help="How long the token lives."
)
@click.option("--reinstate", is_flag=True, help="Add a revoked NAME again, with the certificates it has.")
@click.option("--no-token", is_flag=True, help="Make none: for certificates and unix sockets.")
@database_option
@click.pass_context
def add(
    context: click.Context,
    name: str,
    grants: tuple[Grant, ...],
    expires: float,
    reinstate: bool,
    no_token: bool,
    database: Path | None,
) -> None:
    """Adds the operator NAME, or gives a known one other roles, and prints a new token.

    A role may be for one workflow type: --role operator:Maintenance. Without --role a known operator gets
    one more token. The token is shown this once; the database has only its hash.

    A name that was revoked is added again only with --reinstate: whoever has a certificate of that name, and
    it has not expired, is let in then. Tokens from before stay revoked.
    """
    if not name.isprintable() or not name.strip() or name != name.strip() or len(name) > NAME_LIMIT:
        fail(InvalidRequest(f"NAME: expected printable characters, at most {NAME_LIMIT}, no space around"))
    now = SystemClock().now_us()
    with _table(context, database) as table:
        found = table.read()
        known = {o.name for o in found.operators if not o.revoked_us} if found else set()
        if not grants and name not in known:
            raise InvalidRequest(f"{name} is no operator yet: say what they may do with --role")
        if grants:
            table.put_operator(name, grants, _self(), now, reinstate=reinstate)
            click.echo(f"{name}: {spell_grants(grants)}", err=True)
        if not no_token:
            expires_us = now + round(expires * 1_000_000)
            token = table.add_token(name, expires_us, _self(), now)
            click.echo(f"a token until {utc(expires_us)}; keep it in a file of mode 0600:", err=True)
            click.echo(token)


@operator.command("list")
@database_option
@click.pass_context
def list_(context: click.Context, database: Path | None) -> None:
    """Lists the operators, their roles and their tokens."""
    now = SystemClock().now_us()
    with _table(context, database) as table:
        found = table.read()
    assert found is not None
    for one in found.operators:
        state = f"  revoked {utc(one.revoked_us)}" if one.revoked_us else ""
        click.echo(f"{one.name}  {spell_grants(one.grants)}{state}")
        for token in found.tokens:
            if token.operator == one.name:
                click.echo(f"  token {token.id}  {_state(token, now)}")
    if not found.operators:
        click.echo("there are no operators yet: wf-server operator add NAME --role ROLE")


@operator.command()
@click.argument("name", required=False)
@click.option("--token", "token_id", metavar="ID", help="Only this token.")
@database_option
@click.pass_context
def revoke(context: click.Context, name: str | None, token_id: str | None, database: Path | None) -> None:
    """Lets the operator NAME in no longer, by no token, certificate or socket; or one token only."""
    if (name is None) == (token_id is None):
        fail(InvalidRequest("name an operator, or a token with --token ID"))
    now = SystemClock().now_us()
    with _table(context, database) as table:
        if token_id is not None:
            table.revoke_token(token_id, _self(), now)
            click.echo(f"revoked the token {token_id}")
        elif name is not None:
            count = table.revoke(name, _self(), now)
            click.echo(f"revoked {name}, and {count} token{'s' * (count != 1)}")


@contextmanager
def _table(context: click.Context, database: Path | None) -> Iterator[OperatorTable]:
    path = chosen_database(context, database)
    try:
        if not path.exists():
            asyncio.run(_make(path))
        table = OperatorTable(path)
        try:
            yield table
        finally:
            table.close()
    except WfError as error:
        fail(error)


async def _make(path: Path) -> None:
    """A database for a server that has not been started yet."""
    store = await Store.open(path)
    await store.close()


def _self() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _state(token: TokenRecord, now_us: int) -> str:
    if token.revoked_us:
        return f"revoked {utc(token.revoked_us)}"
    return f"{'expired' if token.expires_us <= now_us else 'until'} {utc(token.expires_us)}"
