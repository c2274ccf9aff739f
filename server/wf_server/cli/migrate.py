"""`wf-server migrate`: the version of a database, and how it is brought up to date."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from wf_server.cli.options import EXIT_PROBLEM, chosen_database, database_option, fail
from wf_server.errors import StoreError, WfError
from wf_server.store import Store
from wf_server.store.queries import load_migrations
from wf_server.store.snapshot import newer, open_snapshot, schema_version


@click.command()
@database_option
@click.option("--check", is_flag=True, help="Only tell; exit code 1 where there is something to do.")
@click.pass_context
def migrate(context: click.Context, database: Path | None, check: bool) -> None:
    """Brings the database up to this program's version.

    Before that it is copied: wf.db.v1-backup beside wf.db. A server does the same when it starts.
    """
    path = chosen_database(context, database)
    try:
        version, known = _version(path), len(load_migrations())
        click.echo(f"{path}: version {version}; this wf-server's is {known}")
        if version == known:
            return
        if check:
            sys.exit(EXIT_PROBLEM)
        kept = asyncio.run(_migrate(path))
    except WfError as error:
        fail(error)
    click.echo(f"{path}: now version {known}" + (f"; as it was: {kept}" if kept else ""))


def _version(path: Path) -> int:
    with open_snapshot(path, any_version=True) as connection:
        version = schema_version(connection, path)
    known = len(load_migrations())
    if version > known:
        raise StoreError(newer(path, version, known))
    return version


async def _migrate(path: Path) -> Path | None:
    # Opening is what migrates.
    store = await Store.open(path)
    await store.close()
    return store.kept
