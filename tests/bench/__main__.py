"""`make bench`: runs every measurement and prints the table."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import console, engine, stops, submit, watching
from tests.bench.table import Row, print_row, print_title

GROUPS = {
    "engine": engine.measure,
    "submit": submit.measure,
    "stop": stops.measure,
    "watch": watching.measure,
    "console": console.measure,
}


async def rows(names: list[str]) -> AsyncIterator[Row]:
    """Measures the named groups, one after the other, each in a directory of its own."""
    for name in names:
        with TemporaryDirectory(prefix="wf-bench-", ignore_cleanup_errors=True) as directory:
            async for row in GROUPS[name](Path(directory)):
                yield row


async def main() -> None:
    """Prints each row as soon as it is measured."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("group", nargs="*", choices=[*GROUPS, []], help="what to measure; default: all")
    names = parser.parse_args().group or list(GROUPS)
    print_title()
    async for row in rows(names):
        print_row(row)
        sys.stdout.flush()


asyncio.run(main())
