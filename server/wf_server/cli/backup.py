"""`wf-server backup`: a copy of the database, while a server uses it or not."""

from __future__ import annotations

from pathlib import Path

import click

from wf_server.cli.options import chosen_database, database_option, fail, progress_bar, unwound
from wf_server.errors import WfError
from wf_server.store.backup import back_up


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@database_option
@click.option("--force", is_flag=True, help="Overwrite TARGET.")
@click.pass_context
def backup(context: click.Context, target: Path, database: Path | None, force: bool) -> None:
    """Copies the database to the file TARGET, as it stands at this moment.

    A server may be running. TARGET appears only once it is whole and checked. To go back to it, stop the
    server and start it with --db TARGET, or with a copy of it.
    """
    path = chosen_database(context, database)
    try:
        with unwound(), progress_bar("copying") as progress:
            size = back_up(path, target, force=force, progress=progress)
    except WfError as error:
        fail(error)
    click.echo(f"{target}: a checked copy of {path}, {size / 2**20:.1f} MiB")
