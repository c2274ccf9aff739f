"""`wf-server archive`: what a running server does by itself every hour, for one that is down."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from wf_server.cli.options import (
    chosen_configs,
    chosen_database,
    configs_option,
    database_option,
    fail,
)
from wf_server.clock import SystemClock
from wf_server.config import RetentionSettings, load_server_config
from wf_server.engine.retention import Due, Removed, Retention, due, due_rejections
from wf_server.errors import StoreError, StoreInUse, WfError
from wf_server.store import Store


@click.command()
@database_option
@configs_option
@click.option("--dry-run", is_flag=True, help="Only tell what would go; a server may be running.")
@click.pass_context
def archive(context: click.Context, database: Path | None, configs: Path | None, dry_run: bool) -> None:
    """Archives what server.toml's [retention] does not keep, then deletes it from the database.

    A running server does this by itself, when it starts and then every hour.
    """
    path = chosen_database(context, database)
    try:
        settings = load_server_config(chosen_configs(context, configs) / "server.toml").retention
        told = _plan(path, settings) if dry_run else _archive(path, settings)
    except StoreInUse:
        told = "is in use by a wf-server, which archives by itself when it starts and every hour"
        fail(StoreError(f"{path}: {told}; to see what would go, use --dry-run"))
    except WfError as error:
        fail(error)
    click.echo(f"{path}: {told}")


def _archive(path: Path, settings: RetentionSettings) -> str:
    if not path.is_file():
        raise StoreError(f"{path}: there is no such file; name the database with --db")
    # A kill in mid-run loses nothing: see upkeep.archive.
    removed = asyncio.run(_run(path, settings))
    if not (removed.workflows or removed.rejections):
        return "nothing has to go"
    return f"{_much(removed.workflows, removed.rejections)} were {_where(path, settings)}"


async def _run(path: Path, settings: RetentionSettings) -> Removed:
    store = await Store.open(path)
    try:
        # Nobody is there to ask for what has just ended, and nobody to be held up.
        return await Retention(store, settings, SystemClock(), rest=0, pause=0).run_once()
    finally:
        await store.close()


def _plan(path: Path, settings: RetentionSettings) -> str:
    workflows = due(path, settings, SystemClock().now_us())
    rejections = due_rejections(path, settings)
    if not (workflows or rejections):
        return "nothing has to go"
    much = _much(len(workflows), len(rejections), _span(workflows))
    return f"{much} would be {_where(path, settings)}"


def _much(workflows: int, rejections: int, span: str = "") -> str:
    return f"{workflows} workflows{span} and {rejections} rejections"


def _span(workflows: Sequence[Due]) -> str:
    if not workflows:
        return ""
    days = [datetime.fromtimestamp(one.ended_us // 1_000_000, UTC) for one in (workflows[0], workflows[-1])]
    return f" (ended {days[0]:%Y-%m-%d} to {days[1]:%Y-%m-%d})"


def _where(path: Path, settings: RetentionSettings) -> str:
    directory = settings.directory(path.resolve())
    return f"archived to {directory}" if directory else "deleted, without an archive"
