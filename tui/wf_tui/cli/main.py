"""`wf`: the program and its commands."""

from __future__ import annotations

import os

import click

from wf_tui.cli import (
    approvals,
    audit,
    bundle,
    catalog,
    control,
    erase,
    history,
    policy,
    stops,
    submission,
    workflows,
)
from wf_tui.cli.exits import EPILOGUE
from wf_tui.cli.options import shared_options

_HELP = """Runs risky operations as workflows, and stops them at once.

\b
  wf check FILE                  ask what the server would say of a WorkReq
  wf run FILE                    submit, execute and watch it
  wf erase-satellite SITE        erase the disks of a satellite in decom
  wf stop NAME --reason WHY      stop every workflow of a type; * is everything
  wf pause|cancel ID --reason WHY
  wf approvals                   what waits for others to agree; wf approve ID
  wf history ID                  every step: when, what, by whom, why

A FILE is a WorkReq as proto JSON or YAML; - is standard input. The options may stand before or after
the command."""


@click.group(
    help=_HELP,
    epilog=EPILOGUE,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="wf", prog_name="wf")
@shared_options
def main() -> None:
    """The text that is shown stands above."""
    # Exported WorkReqs, histories and queues are their user's alone.
    os.umask(0o077)


for _module in (
    submission,
    workflows,
    control,
    approvals,
    history,
    audit,
    bundle,
    stops,
    catalog,
    policy,
    erase,
):
    _module.add_to(main)
