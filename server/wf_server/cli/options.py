"""What the subcommands share: which database, which configuration, and how they fail."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click
from platformdirs import user_data_path

from wf_server.errors import WfError

#: What was given cannot work: a flag, a file, the database, the address.
EXIT_UNUSABLE = 2
#: The command did its work, and all is not well.
EXIT_PROBLEM = 1

database_option = click.option(
    "--db",
    "database",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="The database file.  [default: wf.db in the user's data directory]",
)
configs_option = click.option(
    "--configs",
    type=click.Path(path_type=Path),
    default=None,
    help="The directory with server.toml.  [default: configs]",
)


def chosen_database(context: click.Context, database: Path | None) -> Path:
    """The database that was named, after the subcommand or before it."""
    return database or context.find_root().params["database"] or user_data_path("wf") / "wf.db"


def chosen_configs(context: click.Context, configs: Path | None) -> Path:
    """The directory of the configuration that was named, after the subcommand or before it."""
    named: Path = context.find_root().params["configs"]
    return configs or named


def fail(error: WfError) -> NoReturn:
    """Tells an expected error in one line and ends the process."""
    click.echo(f"wf-server: {error}", err=True)
    sys.exit(EXIT_UNUSABLE)


@contextmanager
def unwound() -> Iterator[None]:
    """A SIGTERM ends the process as Ctrl-C does: what is half done is taken back."""

    def end(number: int, _: Any) -> NoReturn:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal's standard error, and nothing elsewhere; it hears (done, whole)."""
    if not sys.stderr.isatty():
        yield lambda done, whole: None
        return
    with click.progressbar(length=1, label=label, file=sys.stderr) as bar:

        def show(done: int, whole: int) -> None:
            bar.length = max(1, whole)
            bar.update(done - bar.pos)

        yield show
