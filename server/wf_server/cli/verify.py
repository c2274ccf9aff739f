"""`wf-server verify`: is the database what its own history says?"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from wf_server.cli.options import (
    EXIT_PROBLEM,
    chosen_configs,
    chosen_database,
    configs_option,
    database_option,
    fail,
    progress_bar,
)
from wf_server.config import load_server_config
from wf_server.errors import WfError
from wf_server.upkeep.problems import Problem
from wf_server.upkeep.verify import Totals, Verification, check_archive


@click.command()
@database_option
@configs_option
@click.option(
    "--archive",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    metavar="DIR",
    help="Check this archive's files too.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_context
def verify(
    context: click.Context, database: Path | None, configs: Path | None, archive: Path | None, as_json: bool
) -> None:
    """Checks the database against its own history and its audit.

    It reads one snapshot, so a server may be running. Every problem is one line. Exit code: 0 clean,
    1 problems, 2 it could not be checked.
    """
    path, archived = chosen_database(context, database), Totals()
    try:
        config = load_server_config(chosen_configs(context, configs) / "server.toml")
        with progress_bar("verifying") as progress:
            verification = Verification(path, config.buckets, progress)
            found = list(_told(verification.problems(), quiet=as_json))
        if archive:
            found += _told(check_archive(archive, archived), quiet=as_json)
    except WfError as error:
        fail(error)
    if as_json:
        problems = [{**asdict(problem), "line": problem.line()} for problem in found]
        told = {"database": str(path), **asdict(verification.totals), "archived": asdict(archived)}
        click.echo(json.dumps({**told, "problems": problems}))
    else:
        verdict = f"{len(found)} problem{'s' * (len(found) > 1)}" if found else "clean"
        much = f"{_much(verification.totals)}, {verification.totals.entries} audit entries"
        much += f"; archived: {_much(archived)}" if archive else ""
        click.echo(f"{path}: {verdict} ({much})")
    sys.exit(EXIT_PROBLEM if found else 0)


def _much(totals: Totals) -> str:
    return f"{totals.workflows} workflows, {totals.changes} changes, {totals.rejections} rejections"


def _told(problems: Iterator[Problem], *, quiet: bool) -> Iterator[Problem]:
    for problem in problems:
        if not quiet:
            click.echo(problem.line())
        yield problem
