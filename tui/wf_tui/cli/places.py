"""Blocks and jobs as arguments of commands: `1`, `1/0`, by their zero-based positions."""

from __future__ import annotations

import re

import click

_PLACE = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")

BLOCK = click.IntRange(min=0)


def job_place(_: click.Context, parameter: click.Parameter, value: str) -> tuple[int, int]:
    """Reads `BLOCK/JOB`: the callback of an argument. Raises BadParameter."""
    match = _PLACE.fullmatch(value)
    if match is None:
        raise click.BadParameter(
            f"{value!r} is no place: expected BLOCK/JOB, from 0, such as 1/0", param=parameter
        )
    return int(match[1]), int(match[2])
